"""A tree of values with their positions in the file. Its lines can be shown without revealing secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import Problem
from runner.load.text import masked
from runner.model import SecretSource

__all__ = ["Node", "Origin", "Problems", "plain"]

_LONGEST_LINE = 10_000
"""Longer lines are not shown: masking one again for each of its mistakes would take too long."""
_REFERENCE = frozenset(SecretSource)

Problems = list[Problem]


@dataclass(slots=True)
class Origin:
    """The source of a text: its name for messages, the folder where its relative paths start, its lines."""

    name: str
    base: Path
    lines: list[str] = field(default_factory=list)
    hidden: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """By line, the columns (from 1, end excluded) that contain a secret in plain text."""

    def source(self, line: int) -> str:
        """Return a line with secrets masked."""
        if not 1 <= line <= len(self.lines):
            return ""
        text = self.lines[line - 1]
        if len(text) > _LONGEST_LINE:
            return ""
        for start, end in self.hidden.get(line, ()):
            text = text[: start - 1] + "*" * len(text[start - 1 : end - 1]) + text[end - 1 :]
        return masked(text)

    def problem(self, line: int, column: int, path: str, message: str, hint: str = "") -> Problem:
        """Create a problem at a position in this text."""
        return Problem(self.name, line, column, path, message, hint, self.source(line))

    def hide(self, node: Node) -> None:
        """Mask a value and everything below it in the lines that are shown."""
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
    """A value and its position. Lines and columns count from 1; `keys` has the positions of its keys."""

    origin: Origin
    line: int
    column: int
    value: str | dict[str, Node] | list[Node] | None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    end: tuple[int, int] | None = None

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """Create a problem with this value."""
        return self.origin.problem(self.line, self.column, path, message, hint)

    def key_problem(self, key: str, path: str, message: str, hint: str = "") -> Problem:
        """Create a problem with a key of this mapping. After a merge the key may be in another file."""
        line, column = self.keys.get(key, (self.line, self.column))
        child = self.value.get(key) if isinstance(self.value, dict) else None
        return (child or self).origin.problem(line, column, path, message, hint)

    def get(self, key: str) -> Node | None:
        """Return the value of a key; None if there is none or this is not a mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Return the entries of a mapping; none if this is not a mapping."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def below(self, key: str) -> Iterator[tuple[str, Node]]:
        """Return the entries of the mapping at a key; none if there is no mapping."""
        child = self.get(key)
        return child.items() if child else iter(())

    def text(self, key: str) -> str:
        """Return the text at a key; empty if there is none."""
        child = self.get(key)
        return child.value if child and isinstance(child.value, str) else ""

    def entries(self) -> list[Node]:
        """Return the entries of a list; none if this is not a list."""
        return self.value if isinstance(self.value, list) else []


def plain(node: Node) -> object:
    """Convert the tree to plain dict, list, str and None."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return value
