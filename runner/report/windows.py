"""The windows of a period: those that were decided, and those that were due and that no scheduler saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from runner.model import Outcome
from runner.record import History, WhyNot, WindowState, WindowView
from runner.report.data import About, Undone, WindowCount
from runner.untrusted import sentence

__all__ = ["DueWindows", "counted", "window_points", "with_due"]

_WHY = 240


@dataclass(frozen=True, slots=True)
class DueWindows:
    """Openings of the period that are over."""

    due: tuple[WindowView, ...] = ()
    """Of windows that a scheduler kept: what becomes of each that no scheduler has decided."""
    unattended: tuple[WindowView, ...] = ()
    """Of windows that no scheduler ever kept."""


def with_due(history: History, due: DueWindows, now: datetime) -> History:
    """The history with every opening that was due; what a clock that was ahead decided is left out."""
    decided = {(row.window, row.starts) for row in history.windows if not row.site}
    found = [row for row in history.windows if row.starts <= now]
    found += [row for row in due.due if (row.window, row.starts) not in decided]
    return replace(history, windows=tuple(sorted(found, key=lambda row: row.starts)))


def counted(history: History) -> WindowCount | None:
    """How many windows were due but for blackouts, and how many of them were missed; None for none."""
    states = [_outcome(row) for row in history.windows]
    missed = states.count(Outcome.MISSED)
    due = missed + states.count(Outcome.OK)
    return WindowCount(due, missed) if due else None


def window_points(history: History, due: DueWindows) -> Iterable[Undone]:
    """One point a window that was missed, that a blackout kept from running, or that no scheduler keeps."""
    found: dict[tuple[str, str, Outcome], list[WindowView]] = defaultdict(list)
    for row in history.windows:
        if (outcome := _outcome(row)) is not Outcome.OK:
            found[row.window, row.site, outcome].append(row)
    for (name, site, outcome), rows in found.items():
        yield _point(About.WINDOW, outcome, name, site, rows)
    left: dict[str, list[WindowView]] = defaultdict(list)
    for row in due.unattended:
        if row.state is WindowState.MISSED:
            left[row.window].append(row)
    for name, rows in left.items():
        yield _point(About.UNATTENDED, Outcome.MISSED, name, "", rows)


def _outcome(row: WindowView) -> Outcome:
    """Only a blackout was agreed: what was skipped for another reason did not take place."""
    if row.state is WindowState.SKIPPED and row.why.startswith(WhyNot.BUSY):
        return Outcome.MISSED
    return {
        WindowState.RUN: Outcome.OK,
        WindowState.MISSED: Outcome.MISSED,
        WindowState.SKIPPED: Outcome.SKIPPED,
    }[row.state]


def _point(about: About, outcome: Outcome, name: str, site: str, rows: list[WindowView]) -> Undone:
    return Undone(
        about=about,
        outcome=outcome,
        at=tuple(row.starts for row in rows),
        site=site,
        title=sentence(name),
        why=sentence(rows[-1].why, _WHY),
    )
