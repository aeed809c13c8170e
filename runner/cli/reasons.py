"""Rows with a reason: beside the columns where it fits on the line, else below its row."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

from runner.cli.layout import GAP, rows_in_columns, width_of, wrap
from runner.cli.screen import cell, out, style, terminal_width

__all__ = ["print_reasons"]


def print_reasons(
    rows: Sequence[Sequence[str]], *, heads: Sequence[str] = (), margin: int = 0, below: int = 4
) -> None:
    """Print rows in columns; the last cell of each is a reason, which may be empty.

    A reason that does not fit into its row follows below it, once for consecutive rows with the same one.

    Args:
        rows: the cells, all rows with the same number.
        heads: the heading.
        margin: columns before each row.
        below: columns before a reason that is below its row.
    """
    width = terminal_width(sys.stdout)
    cleaned = [tuple(map(cell, row)) for row in rows]
    headed = [tuple(style(head, bold=True) for head in heads), *cleaned] if heads else cleaned
    columns = rows_in_columns([row[:-1] for row in headed], width, indent=margin)
    beside = max((width_of(line) for lines in columns for line in lines), default=0) + GAP
    for why, group in groupby(zip(columns, headed, strict=True), key=lambda one: one[1][-1]):
        together = [lines for lines, _ in group]
        fits = beside + width_of(why) <= width
        for lines in together:
            yielded = _with_reason(lines, why, beside) if fits else iter(lines)
            for line in yielded:
                out(line)
        if why and not fits:
            for line in wrap(" " * below + _about(len(together)) + why, width, indent=below):
                out(line)


def _with_reason(lines: Sequence[str], why: str, beside: int) -> Iterator[str]:
    """Yield the lines of a row, the first with the reason beside it."""
    first, *rest = lines
    yield first + " " * (beside - width_of(first)) + why if why else first
    yield from rest


def _about(rows: int) -> str:
    """Return how many rows above a reason it is about; empty for one."""
    return "" if rows == 1 else "both: " if rows == 2 else f"these {rows}: "  # noqa: PLR2004
