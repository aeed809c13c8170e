"""Shell text: the one place where a value becomes part of it.

Nothing else in the package quotes for a shell (`shlex` is banned by ruff elsewhere). A name that a host told
is data here as everywhere: it becomes one quoted word, and a list of names becomes quoted words or bytes that
end with NUL, never lines of a here-document.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["assign", "batches", "command", "export", "path_words", "word", "words"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BATCH = 48_000
"""Characters of names in one command: far below the limit of 128 KiB for a command line."""


def word(value: object) -> str:
    """The value as one word of shell text.

    Raises:
        ValueError: it holds a NUL, which no shell can hold.
    """
    text = str(value)
    if "\0" in text:
        raise ValueError("a NUL cannot be part of shell text")
    return shlex.quote(text)


def words(*values: object) -> str:
    """The values as words, a space between them."""
    return " ".join(word(value) for value in values)


def command(*values: object) -> str:
    """`sitecrew` and the values as words: what a message asks a person to type."""
    return words("sitecrew", *values)


def assign(values: Mapping[str, object]) -> str:
    """A line ``name=value`` for each variable.

    Raises:
        ValueError: a name is no shell variable, or a value holds a NUL.
    """
    return "".join(f"{_variable(name)}={word(value)}\n" for name, value in values.items())


def export(values: Mapping[str, object]) -> str:
    """A line ``export name=value`` for each variable; raises as `assign` does."""
    return "".join(f"export {_variable(name)}={word(value)}\n" for name, value in values.items())


def path_words(names: Iterable[str]) -> str:
    """Relative names as words that no command takes for an option."""
    return words(*(f"./{name}" for name in names))


def batches(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The names in groups that fit into one command each."""
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
