"""The iCalendar files among the blackouts of windows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.load.frozen import freeze, thaw_as
from runner.load.ical import LARGEST, closed_periods
from runner.load.nodes import Node, Problems
from runner.load.text import joined, quoted
from runner.load.values import Wrong
from runner.load.yamlnodes import read_at_most
from runner.model import Calendar, ClosedPeriod

if TYPE_CHECKING:
    from runner.errors import Problem

__all__ = ["Calendars", "calendar_text", "horizon", "is_calendar", "read_calendars", "thaw_periods"]

_BACK, _AHEAD = 1, 5
"""Years before and after the current one."""


@dataclass(slots=True)
class Calendars:
    """The calendars of a workspace by the path in the inventory."""

    by_path: dict[str, Calendar] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    """Problems with files of which an earlier version is used."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Content:
    periods: tuple[ClosedPeriod, ...]


def is_calendar(text: str) -> bool:
    """Whether a blackout is the path of an iCalendar file."""
    return text.lower().endswith(".ics")


def horizon(today: date | None = None) -> tuple[date, date]:
    """Return the first and the last day for which events are read: whole years, in UTC."""
    year = (today or datetime.now(UTC).date()).year
    return date(year - _BACK, 1, 1), date(year + _AHEAD, 12, 31)


def read_calendars(
    inventory: Node, base: Path, problems: Problems, known: Mapping[str, Calendar] | None = None
) -> Calendars:
    """Read the calendars that the windows refer to; relative paths start at `base`, the workspace.

    For a file that cannot be used, the calendar of its earlier version in `known` is used if there is one.
    """
    found = Calendars()
    for path, node in _references(inventory):
        text = str(node.value).strip()
        file = base / Path(text).expanduser()
        found.files[text] = file
        if text in found.by_path:
            continue
        try:
            found.by_path[text] = calendar = _read(file)
        except Wrong as wrong:
            problem = node.problem(path, f"{quoted(text)}: {wrong}", wrong.hint)
            if known and text in known:
                found.by_path[text] = known[text]
                found.problems.append(problem)
            else:
                problems.append(problem)
            continue
        if not calendar.periods:
            first, last = horizon()
            found.warnings.append(f"{quoted(text)} has no events from {first.year} to {last.year}")
    return found


def calendar_text(calendar: Calendar) -> str:
    """Convert the periods of a calendar to JSON."""
    return freeze(_Content(calendar.periods))


@lru_cache(maxsize=256)
def thaw_periods(text: str) -> tuple[ClosedPeriod, ...]:
    """Restore periods from JSON. Raises ValueError if it is something else."""
    return thaw_as(_Content, text).periods


def _references(inventory: Node) -> Iterator[tuple[str, Node]]:
    """Yield the path of each calendar and its node."""
    for name, window in inventory.below("windows"):
        node = window.get("blackouts")
        if node is None:
            continue
        path = joined("windows", name, "blackouts")
        entries = enumerate(node.entries()) if isinstance(node.value, list) else [(None, node)]
        for index, each in entries:
            if isinstance(each.value, str) and is_calendar(each.value.strip()):
                yield (path if index is None else joined(path, index)), each


def _read(file: Path) -> Calendar:
    try:
        if file.stat().st_size > LARGEST:
            raise Wrong(f"the file is larger than {LARGEST // 1024 // 1024} MiB")
        raw = read_at_most(file)
    except OSError as error:
        raise Wrong(f"cannot read the file: {error.strerror or type(error).__name__}") from None
    return _parse(raw, *horizon())


@lru_cache(maxsize=32)
def _parse(raw: bytes, first: date, last: date) -> Calendar:
    calendar = Calendar("", closed_periods(raw, first, last))
    return replace(calendar, digest=hashlib.sha256(calendar_text(calendar).encode()).hexdigest())
