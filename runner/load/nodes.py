"""A tree of values that remembers where each of them stood, and may be shown without giving secrets away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import Problem
from runner.load.text import masked
from runner.model import SecretSource

__all__ = ["Node", "Origin", "Problems", "plain"]

_LONGEST_LINE = 10_000
"""Of a longer line nothing is shown: making it fit would cost as much again for each mistake in it."""
_REFERENCE = frozenset(SecretSource)

Problems = list[Problem]


@dataclass(slots=True)
class Origin:
    """Where text came from: the name to show, the folder that relative paths in it start from, its lines."""

    name: str
    base: Path
    lines: list[str] = field(default_factory=list)
    hidden: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Per line, the columns (1-based, end excluded) that hold the plain value of a secret."""

    def source(self, line: int) -> str:
        """A line as it may be shown."""
        if not 1 <= line <= len(self.lines):
            return ""
        text = self.lines[line - 1]
        if len(text) > _LONGEST_LINE:
            return ""
        for start, end in self.hidden.get(line, ()):
            text = text[: start - 1] + "*" * len(text[start - 1 : end - 1]) + text[end - 1 :]
        return masked(text)

    def problem(self, line: int, column: int, path: str, message: str, hint: str = "") -> Problem:
        """A problem at a place of this text."""
        return Problem(self.name, line, column, path, message, hint, self.source(line))

    def hide(self, node: Node) -> None:
        """Keep a value out of every line that is shown, wherever in the tree it stands."""
        if isinstance(node.value, dict):
            for key, child in node.value.items():
                if key not in _REFERENCE:
                    self.hide(child)
        elif isinstance(node.value, list):
            for child in node.value:
                self.hide(child)
        elif node.end:
            last, stop = node.end
            for line in range(node.line, last + 1):
                start = node.column if line == node.line else 1
                end = stop if line == last else len(self.lines[line - 1]) + 1
                self.hidden.setdefault(line, []).append((start, end))


@dataclass(slots=True)
class Node:
    """A value and its place. Lines and columns count from 1; `keys` holds the places of a mapping's keys."""

    origin: Origin
    line: int
    column: int
    value: str | dict[str, Node] | list[Node] | None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    end: tuple[int, int] | None = None

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """A problem with this value."""
        return self.origin.problem(self.line, self.column, path, message, hint)

    def key_problem(self, key: str, path: str, message: str, hint: str = "") -> Problem:
        """A problem with one of this mapping's keys. After a merge the key may stand in another file."""
        line, column = self.keys.get(key, (self.line, self.column))
        child = self.value.get(key) if isinstance(self.value, dict) else None
        return (child or self).origin.problem(line, column, path, message, hint)

    def get(self, key: str) -> Node | None:
        """The value of a key, None where there is none or where this is no mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping; nothing where this is none."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def entries(self) -> list[Node]:
        """The entries of a list; nothing where this is none."""
        return self.value if isinstance(self.value, list) else []


def plain(node: Node) -> object:
    """The tree without places: dict, list, str and None."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return value
