"""Text for people: tables, errors with a caret, durations, outcomes in color."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from runner.cli.screen import cell, json_text, out, say, style
from runner.errors import Problem, SitecrewError, ValidationError
from runner.model import Outcome
from runner.untrusted import clean

__all__ = [
    "ago",
    "auto_update_text",
    "closest_hint",
    "complain",
    "count_text",
    "emit_json",
    "json_text",
    "outcome_text",
    "say",
    "seconds_text",
    "table",
]

_NARROW = 24
"""Width below which the last column of a table is truncated instead of wrapped."""
_SHOWN = 100
"""Columns shown of a line of input."""
_COLORS = {
    Outcome.OK: "green",
    Outcome.CHANGED: "green",
    Outcome.HELD: "yellow",
    Outcome.SKIPPED: "bright_black",
    Outcome.UNDONE: "yellow",
    Outcome.MISSED: "yellow",
    Outcome.CANCELLED: "yellow",
    Outcome.FAILED: "red",
    Outcome.UNREACHABLE: "red",
    Outcome.LOST: "magenta",
}


def emit_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    out(json_text(document, indent=2 if sys.stdout.isatty() else None))


def outcome_text(outcome: Outcome | str | None) -> str:
    """Return the outcome in color; `running` if there is none yet."""
    if outcome is None:
        return style("running", fg="cyan")
    return style(str(outcome), fg=_COLORS.get(Outcome(outcome)))


def seconds_text(seconds: float | None) -> str:
    """Format a duration: 0.4 s, 12 s, 3 m 05 s, 2 h 10 m."""
    if seconds is None:
        return ""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} m"
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def ago(instant: datetime | None, now: datetime | None = None) -> str:
    """Format the time since `instant`: just now, 5 minutes ago, 2 days ago."""
    if instant is None:
        return ""
    passed = ((now or datetime.now(UTC)) - instant).total_seconds()
    if passed < 60:  # noqa: PLR2004
        return "just now"
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if passed >= size:
            count = int(passed // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return ""


def count_text(count: int, thing: str) -> str:
    """Format a number of things: 1 site, 2 sites."""
    return f"{count} {thing}{'s' if count != 1 else ''}"


def closest_hint(name: str, known: Iterable[str]) -> str:
    """Return the closest known name as a hint, else a list of the known names."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(names[:12])}" if names else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table. On a terminal the last column is wrapped, or truncated if it is too narrow."""
    import shutil

    lines = [list(map(cell, row)) for row in rows]
    widths = [max(len(click.unstyle(line[i])) for line in [list(heads), *lines]) for i in range(len(heads))]
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 10_000
    for number, line in enumerate([list(heads), *lines]):
        cells = [cell + " " * (widths[i] - len(click.unstyle(cell))) for i, cell in enumerate(line)]
        for text in _wrap("  ".join(cells).rstrip(), sum(widths[:-1]) + 2 * (len(widths) - 1), width):
            out(style(text, bold=True) if number == 0 else text)


def _wrap(text: str, last: int, width: int) -> list[str]:
    """Wrap a row of a table to `width`; its last column starts at `last`."""
    plain = click.unstyle(text)
    if len(plain) <= width:
        return [text]
    if width - last < _NARROW:
        return [plain[: width - 1] + "…"]
    first, *rest = textwrap.wrap(plain[last:], width - last, break_on_hyphens=False)
    return [plain[:last] + first, *(" " * last + line for line in rest)]


def complain(error: SitecrewError) -> None:
    """Print an error and its hint; for input files, every problem with its line."""
    if isinstance(error, ValidationError):
        for problem in error.problems:
            _print_problem(problem)
        say(style(str(error), bold=True))
    else:
        say(f"{style('error:', fg='red', bold=True)} {error}")
    if error.hint:
        say(textwrap.indent(clean(error.hint), "  "))


def _print_problem(problem: Problem) -> None:
    position = f"{problem.file}:{problem.line}:{problem.column}"
    path = f"{problem.path}: " if problem.path else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    say(f"{style(position, bold=True)}: {path}{problem.message}{hint}")
    if problem.source:
        source, column = _around(problem.source, problem.column)
        say(f"    {source}")
        say(f"    {' ' * (column - 1)}{style('^', fg='red')}")


def _around(line: str, column: int) -> tuple[str, int]:
    """Return the part of a long line around `column`, and the column in that part."""
    first = max(0, column - _SHOWN // 2) if len(line) > _SHOWN else 0
    shown = line[first : first + _SHOWN]
    if first:
        shown = f"…{shown[1:]}"
    if first + _SHOWN < len(line):
        shown = f"{shown[:-1]}…"
    return shown, column - first


def auto_update_text(item: str, state: str, why: str) -> str:
    """Describe what was done to WordPress's automatic update of an item; `state` is that in the ledger."""
    name = "WordPress" if item == "core" else item
    match state:
        case "forced" | "overruled":
            return f"{name} is held, but WordPress will update it automatically: {why}"
        case "off" | "asked":
            return f"{name} is held: its automatic update is off until the hold is removed"
        case "on":
            return f"{name} is no longer held: its automatic update is on again"
        case "changed":
            return (
                f"{name} is no longer held: its automatic update was changed on the site and is left as it is"
            )
    return f"{name} is no longer installed: its automatic update stays off"
