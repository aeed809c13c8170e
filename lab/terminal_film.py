"""Films of a terminal as SVG: the screens of a real run, switched by a style sheet.

Where no style sheet is applied, or motion is not wanted, the last screen is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import pyte

from lab.terminal_svg import CELL, frame, row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.terminal import Row

__all__ = ["Shot", "film", "shots"]


@dataclass(frozen=True)
class Shot:
    """A screen, and for how many seconds it is shown."""

    seconds: float
    rows: tuple[Row, ...]


def shots(
    chunks: Iterable[tuple[float, bytes]],
    columns: int,
    rows: int,
    *,
    count: int = 40,
    seconds: float = 0.4,
    last: float = 8.0,
) -> list[Shot]:
    """Replay what a program has printed, in time lapse.

    Args:
        chunks: Seconds and bytes, as `Terminal.chunks` has them.
        columns: Width of the terminal.
        rows: Height of the terminal.
        count: How many screens are taken, at equal intervals. Equal ones in a row become one.
        seconds: For how long each of them is shown.
        last: Seconds for which the last one is shown.
    """
    screens = list(_screens(chunks, columns, rows))
    start, end = screens[0][0], screens[-1][0]
    instants = [start + (end - start) * number / count for number in range(count)]
    taken = [max((one for one in screens if one[0] <= at), key=itemgetter(0))[1] for at in instants]
    found = [Shot(seconds * len(list(same)), screen) for screen, same in groupby(taken)]
    return [*found, Shot(last, screens[-1][1])]


def _screens(
    chunks: Iterable[tuple[float, bytes]], columns: int, rows: int
) -> Iterator[tuple[float, tuple[Row, ...]]]:
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    for at, data in chunks:
        stream.feed(data)
        yield at, tuple(dict(screen.buffer[number]) for number in range(rows))


def film(shown: Sequence[Shot], columns: int, *, title: str) -> str:
    """Draw the screens; rows that occur several times are drawn once."""
    known: dict[str, str] = {}
    groups = [_group(number, shot, known) for number, shot in enumerate(shown)]
    rows = "\n".join(f'<g id="{name}">{drawn}</g>' for drawn, name in known.items())
    drawn = "\n".join([f"<defs>\n{rows}\n</defs>", *groups])
    return frame(drawn, columns, len(shown[0].rows), title=title, style=_style(shown))


def _group(number: int, shot: Shot, known: dict[str, str]) -> str:
    uses = []
    for at, cells in enumerate(shot.rows):
        if drawn := row(0, cells):
            name = known.setdefault(drawn, f"r{len(known)}")
            uses.append(f'<use href="#{name}" y="{at * CELL[1]:.0f}"/>')
    return f'<g id="s{number}">{"".join(uses)}</g>'


def _style(shown: Sequence[Shot]) -> str:
    total = sum(shot.seconds for shot in shown)
    hidden = ",".join(f"#s{number}" for number in range(len(shown) - 1))
    lines = [f"{hidden}{{visibility:hidden}}"] if hidden else []
    lines.append("@media (prefers-reduced-motion:no-preference){")
    start = 0.0
    for number, shot in enumerate(shown):
        begin, end = 100 * start / total, 100 * (start + shot.seconds) / total
        steps = [f"{begin:.2f}%{{visibility:visible}}"]
        steps += ["0%{visibility:hidden}"] if number else []
        steps += [f"{end:.2f}%{{visibility:hidden}}"] if number < len(shown) - 1 else []
        lines.append(f"@keyframes k{number}{{{''.join(steps)}}}")
        lines.append(f"#s{number}{{animation:k{number} {total:.1f}s step-end infinite}}")
        start += shot.seconds
    return "\n".join([*lines, "}", ""])
