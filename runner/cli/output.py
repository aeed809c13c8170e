"""Output of commands: JSON, tables, outcomes in color."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runner.cli.layout import rows_in_columns, wrap
from runner.cli.screen import cell, json_text, out, say, style, terminal_width
from runner.model import Outcome

if TYPE_CHECKING:
    from runner.deliver import Delivery

__all__ = [
    "auto_update_text",
    "closest_hint",
    "emit_json",
    "json_text",
    "out_wrapped",
    "outcome_text",
    "print_attempts",
    "say",
    "say_commands",
    "table",
]

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


def closest_hint(name: str, known: Iterable[str]) -> str:
    """Return the closest known name as a hint, else a list of the known names."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(names[:12])}" if names else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
    """Print a table. On a terminal, cells are wrapped to fit its width. Without `heads` it has no heading."""
    lines = [[cell(text) for text in row] for row in rows]
    headed = [[style(head, bold=True) for head in heads], *lines] if heads else lines
    for row in rows_in_columns(headed, terminal_width(sys.stdout), indent=indent):
        for line in row:
            out(line)


def out_wrapped(text: str, *, indent: int = 2) -> None:
    """Print a line to stdout. On a terminal it is wrapped at words; later lines are indented by `indent`."""
    for line in wrap(cell(text), terminal_width(sys.stdout), indent=indent):
        out(line)


def say_commands(commands: Mapping[str, str]) -> None:
    """Print what to type next: each purpose with its command, one below the other."""
    width = max(map(len, commands), default=0)
    for purpose, typed in commands.items():
        say(f"{purpose:<{width}}  {typed}")


def print_attempts(delivery: Delivery, write: Callable[[str], object] = say) -> None:
    """Print a line for each recipient of the last attempt to send a message."""
    for one in delivery.recipients:
        if one.attempts == delivery.attempts:
            write(f"{delivery.kind} to {one.address}: {one.state}: {one.reply}".removesuffix(": "))


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
