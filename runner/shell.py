"""Quoting: the only place where a value becomes part of shell text.

No other module quotes for a shell (ruff bans `shlex` elsewhere). A name from a host is untrusted: it becomes
one quoted word. A list of names becomes quoted words or NUL-terminated bytes, never lines of a here-document.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["assign", "batches", "command", "export", "path_words", "word", "words"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BATCH = 48_000
"""Bytes of names in one command, far below the limit of 128 KiB for a command line."""


def word(value: object) -> str:
    """Quote a value as one shell word.

    Raises:
        ValueError: the value contains a NUL.
    """
    text = str(value)
    if "\0" in text:
        raise ValueError("shell text cannot contain a NUL")
    return shlex.quote(text)


def words(*values: object) -> str:
    """Quote values as shell words, separated by spaces."""
    return " ".join(word(value) for value in values)


def command(*values: object) -> str:
    """Return a `sitecrew` command line for the user to type."""
    return words("sitecrew", *values)


def assign(values: Mapping[str, object]) -> str:
    """Return a line ``name=value`` for each variable.

    Raises:
        ValueError: a name is not a shell variable, or a value contains a NUL.
    """
    return "".join(f"{_variable(name)}={word(value)}\n" for name, value in values.items())


def export(values: Mapping[str, object]) -> str:
    """Return a line ``export name=value`` for each variable; raises like `assign`."""
    return "".join(f"export {_variable(name)}={word(value)}\n" for name, value in values.items())


def path_words(names: Iterable[str]) -> str:
    """Quote relative names with `./` in front, so that no command takes one for an option."""
    return words(*(f"./{name}" for name in names))


def batches(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Split names into groups that fit on one command line each."""
    batch: list[str] = []
    size = 0
    for name in names:
        if batch and size + len(name) > _BATCH:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(name)
        size += len(name.encode(errors="surrogateescape")) + 8
    if batch:
        yield tuple(batch)


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"not a shell variable: {name!r}")
    return name
