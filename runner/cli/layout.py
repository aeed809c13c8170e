"""Fit text into the columns of a terminal: widths, wrapping at words, rows of a table. Pure functions.

Styles (`ESC [ ... m`) have no width. Widths are columns: a Chinese character has two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

__all__ = ["GAP", "rows_in_columns", "width_of", "wrap"]

GAP = 2
"""Columns between two columns of a table."""
_NARROWEST = 8
"""A column of a table is not made narrower than this."""
_CONTINUED = 2
"""Indentation of the second and later lines of a cell."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_STYLED = re.compile(r"((?:\x1b\[[0-9;]*m)+)([^\x1b]*)(\x1b\[[0-9;]*m)")
_BREAKS = re.compile(r"(?<=[/\-.,_:=@?&])(?=[^/\-.,_:=@?&])")
"""Where a long word is broken first: after punctuation."""
_COMMAND = re.compile(
    r"(?<![\w./=-])(?:sitecrew (?=\S)(?:[^;,)`\x1b]|,(?=\S))*[;,)`]?"
    r"|ssh (?:-\w \S{1,99} ){0,9}[\w.-]{1,99}@\S+)"
)
"""A command in a message, to the end of its part of the sentence or its style, and the punctuation there."""


def width_of(text: str) -> int:
    """Return the number of columns that the text takes."""
    plain = _STYLE.sub("", text)
    if plain.isascii():
        return len(plain)
    from rich.cells import cell_len

    return cell_len(plain)


def wrap(text: str, width: int, *, indent: int = 0, breaks_words: bool = False) -> list[str]:
    """Wrap one line at words to `width` columns; lines after the first are indented by `indent`.

    A command (`sitecrew ...`, `ssh ...`) is kept on one line, to be copied. Words longer than the line are
    broken only with `breaks_words`.
    """
    if width_of(text) <= width:
        return [text]
    lines, line = [], ""
    for piece in _pieces(text, whole_commands=not breaks_words):
        if line.strip() and width_of(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line, piece = " " * indent, piece.lstrip()  # noqa: PLW2901
        line += piece
        while breaks_words and width_of(line.rstrip()) > width:
            first, line = _cut(line.rstrip(), width)
            lines.append(first)
            line = " " * indent + line
    return [*lines, line.rstrip()]


def _pieces(text: str, *, whole_commands: bool) -> Iterator[str]:
    """Yield words with the spaces before them; a command is one word."""
    end = 0
    for match in _COMMAND.finditer(text) if whole_commands else ():
        found = match[0].rstrip()
        *before, spaces = ["", *_words(text[end : match.start()] + ".")]
        yield from before
        yield spaces.removesuffix(".") + found
        end = match.start() + len(found)
    yield from _words(text[end:])


def _words(text: str) -> Iterator[str]:
    """Yield words with the spaces before them, and the spaces at the end."""
    spaces = ""
    for part in re.split(r"(\s+)", text):
        if part.isspace():
            spaces = part
        elif part:
            yield spaces + part
            spaces = ""
    if spaces:
        yield spaces


def _cut(text: str, width: int) -> tuple[str, str]:
    """Cut a text without spaces before column `width`, after punctuation if there is some near the end."""
    plain = _STYLE.sub("", text)
    most = len(plain)
    while most > 1 and width_of(plain[:most]) > width:
        most -= 1
    stops = [match.start() for match in _BREAKS.finditer(plain[: most + 1]) if match.start() > most // 2]
    at = stops[-1] if stops else most
    return plain[:at], plain[at:]


def rows_in_columns(rows: Sequence[Sequence[str]], width: int, *, indent: int = 0) -> list[list[str]]:
    """Return the lines of each row, with cells aligned in columns and wrapped to fit `width`.

    Columns of several words become narrower first. Columns of ids and names are only broken if that is not
    enough.
    """
    if not rows:
        return []
    widths = _widths(rows, width - indent)
    return [list(_lines(row, widths, " " * indent)) for row in rows]


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    columns = list(zip(*rows, strict=True))
    wanted = [max(map(width_of, column)) for column in columns]
    room = width - GAP * (len(columns) - 1)
    if sum(wanted) <= room:
        return wanted
    words = [min(w, max(map(_longest_word, column))) for w, column in zip(wanted, columns, strict=True)]
    if sum(words) <= room:
        return _shared(wanted, words, room)
    return _shared(words, [min(w, _NARROWEST) for w in words], room)


def _longest_word(text: str) -> int:
    """Return the width of the longest word, with the indentation of a continued line."""
    first, *rest = _STYLE.sub("", text).split() or [""]
    return max([width_of(first), *(width_of(word) + _CONTINUED for word in rest)])


def _shared(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Give each column what it wants up to a common limit, but not less than its least, within `room`."""
    limit = max(wanted)
    found = list(wanted)
    while sum(found) > room and limit > 0:
        limit -= 1
        found = [max(min(w, limit), low) for w, low in zip(wanted, least, strict=True)]
    for number, want in enumerate(wanted):
        found[number] += max(0, min(want - found[number], room - sum(found)))
    return found


def _lines(row: Sequence[str], widths: Sequence[int], margin: str) -> Iterator[str]:
    cells = [_cell_lines(text, width) for text, width in zip(row, widths, strict=True)]
    for line in zip_longest(*cells, fillvalue=""):
        padded = (text + " " * (width - width_of(text)) for text, width in zip(line, widths, strict=True))
        yield (margin + (" " * GAP).join(padded)).rstrip()


def _cell_lines(text: str, width: int) -> list[str]:
    """Return the lines of a cell; each has the style of the cell, if it has one."""
    if width_of(text) <= width:
        return [text]
    styled = _STYLED.fullmatch(text)
    before, plain, after = styled.groups() if styled else ("", text, "")
    indent = min(_CONTINUED, max(0, width - _NARROWEST // 2))
    return [before + line + after for line in wrap(plain, width, indent=indent, breaks_words=True)]
