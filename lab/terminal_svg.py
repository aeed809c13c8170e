"""Pictures of a terminal as SVG: real text in a monospace font, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyte.screens import Char

    from lab.terminal import Row

__all__ = ["frame", "row", "svg"]

CELL = (8.4, 18.0)
"""Width and height of a character at 14 px, in px."""
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
PADDING = 14
BAR = 30
BACKGROUND, FOREGROUND, TITLE = "#16181d", "#d5d8de", "#8b919c"
COLORS = {
    "black": "#3b4048",
    "red": "#f2777a",
    "green": "#8fcf8f",
    "brown": "#f0c674",
    "blue": "#7aaee8",
    "magenta": "#c99bdb",
    "cyan": "#75c7c3",
    "white": "#d5d8de",
    "brightblack": "#8b919c",
}
"""Colors by the names that pyte gives them; `brown` is yellow."""


def svg(rows: Sequence[Row], columns: int, *, title: str) -> str:
    """Draw the rows of a terminal.

    Args:
        rows: Characters with their styles, as `Terminal.lines` has them.
        columns: Width of the terminal.
        title: Text of the title bar, and the picture's description for screen readers.
    """
    drawn = "\n".join(filter(None, (row(number, cells) for number, cells in enumerate(rows))))
    return frame(drawn, columns, len(rows), title=title)


def frame(drawn: str, columns: int, rows: int, *, title: str, style: str = "") -> str:
    """Draw a window around rows that are drawn already; `style` is a style sheet."""
    width = columns * CELL[0] + 2 * PADDING
    height = rows * CELL[1] + 2 * PADDING + BAR
    name = escape(title)
    sheet = f"<style>\n{style}</style>\n" if style else ""
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" \
height="{height:.0f}" role="img" aria-label="{name}">
<title>{name}</title>
{sheet}<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
<g font-family="{FONT}" font-size="14" fill="{FOREGROUND}" xml:space="preserve">
<text x="{width / 2:.0f}" y="22" text-anchor="middle" font-size="12" fill="{TITLE}">{name}</text>
{drawn}
</g>
</svg>
"""


def row(number: int, shown: Row) -> str:
    """Draw the characters of the row with that number, from 0 at the top."""
    y = BAR + PADDING + (number + 0.75) * CELL[1]
    cells = [(column, shown[column]) for column in sorted(shown) if shown[column].data]
    texts = []
    for style, group in groupby(cells, key=lambda cell: _style(cell[1])):
        run = list(group)
        text = "".join(char.data for _, char in run)
        if not text.strip():
            continue
        place = f'x="{PADDING + run[0][0] * CELL[0]:.1f}" y="{y:.1f}" textLength="{len(run) * CELL[0]:.1f}"'
        texts.append(f"<text {place}{style}>{escape(text)}</text>")
    return "".join(texts)


def _style(char: Char) -> str:
    color = COLORS.get(char.fg, FOREGROUND if char.fg == "default" else f"#{char.fg}")
    weight = ' font-weight="bold"' if char.bold else ""
    return f'{weight} fill="{color}"' if color != FOREGROUND else weight
