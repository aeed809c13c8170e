"""What a person sees: tables that fit, mistakes with a caret, times in words. Colour only on a terminal."""

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
    "emit_json",
    "json_text",
    "outcome_text",
    "say",
    "seconds_text",
    "table",
]

_NARROW = 24
"""A last column with less room than this is cut rather than folded."""
_SHOWN = 100
"""Columns of a line of input that are shown."""
_COLOURS = {
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
    """One JSON document on stdout."""
    out(json_text(document, indent=2 if sys.stdout.isatty() else None))


def outcome_text(outcome: Outcome | str | None) -> str:
    """An outcome in its colour; `running` where there is none."""
    if outcome is None:
        return style("running", fg="cyan")
    return style(str(outcome), fg=_COLOURS.get(Outcome(outcome)))


def seconds_text(seconds: float | None) -> str:
    """Seconds as a person says them: 0.4 s, 12 s, 3 m 05 s, 2 h 10 m."""
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
    """How long since an instant."""
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


def closest_hint(name: str, known: Iterable[str]) -> str:
    """What was probably meant, or what there is."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(names[:12])}" if names else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their content; on a screen the last one goes on below itself, else a line is cut."""
    import shutil

    lines = [list(map(cell, row)) for row in rows]
    widths = [max(len(click.unstyle(line[i])) for line in [list(heads), *lines]) for i in range(len(heads))]
    room = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 10_000
    for number, line in enumerate([list(heads), *lines]):
        cells = [cell + " " * (widths[i] - len(click.unstyle(cell))) for i, cell in enumerate(line)]
        for text in _fitted("  ".join(cells).rstrip(), sum(widths[:-1]) + 2 * (len(widths) - 1), room):
            out(style(text, bold=True) if number == 0 else text)


def _fitted(text: str, last: int, room: int) -> list[str]:
    """A line of a table as the lines of a screen; its last column begins at `last`."""
    plain = click.unstyle(text)
    if len(plain) <= room:
        return [text]
    if room - last < _NARROW:
        return [plain[: room - 1] + "…"]
    first, *rest = textwrap.wrap(plain[last:], room - last, break_on_hyphens=False)
    return [plain[:last] + first, *(" " * last + line for line in rest)]


def complain(error: SitecrewError) -> None:
    """Say what is wrong and what to do about it."""
    if isinstance(error, ValidationError):
        for problem in error.problems:
            _show_problem(problem)
        say(style(str(error), bold=True))
    else:
        say(f"{style('error:', fg='red', bold=True)} {error}")
    if error.hint:
        say(textwrap.indent(clean(error.hint), "  "))


def _show_problem(problem: Problem) -> None:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    path = f"{problem.path}: " if problem.path else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    say(f"{style(place, bold=True)}: {path}{problem.message}{hint}")
    if problem.source:
        source, column = _window(problem.source, problem.column)
        say(f"    {source}")
        say(f"    {' ' * (column - 1)}{style('^', fg='red')}")


def _window(line: str, column: int) -> tuple[str, int]:
    """As much of a long line as shows what the caret points at, and the caret's column in it."""
    first = max(0, column - _SHOWN // 2) if len(line) > _SHOWN else 0
    shown = line[first : first + _SHOWN]
    if first:
        shown = f"…{shown[1:]}"
    if first + _SHOWN < len(line):
        shown = f"{shown[:-1]}…"
    return shown, column - first


def auto_update_text(item: str, state: str, why: str) -> str:
    """What became of WordPress's own automatic update of an item; the states are those of the ledger."""
    name = "WordPress" if item == "core" else item
    match state:
        case "forced" | "overruled":
            return f"{name} is held, but WordPress updates it by itself: {why}"
        case "off" | "asked":
            return f"{name} is held: its automatic update is switched off until then"
        case "on":
            return f"{name} is no longer held: its automatic update is switched on again"
        case "changed":
            return f"{name} is no longer held: its automatic update stays as somebody at the site has put it"
    return f"{name} is no longer there: its automatic update stays off"
