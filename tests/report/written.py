"""Collect every sentence in the source that can be a reason.

Most reasons pass through variables (`why=why`), so this collects every sentence outside docstrings in the
packages whose texts can end up in the ledger. That is more than all reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import runner

ROOT = Path(runner.__file__).parent
NO_REASONS = ("report", "cli")
"""Packages whose texts are only displayed, never recorded as reasons."""
_LONGEST = 400
_A_SENTENCE = re.compile(r"[A-Za-z']{2,}\W+[A-Za-z']{2,}")


@dataclass(frozen=True)
class Written:
    """A text in the source. `parts` are its literal parts, with a value between each two."""

    module: str
    line: int
    parts: tuple[str, ...]

    def filled(self, value: str) -> str:
        return value.join(self.parts)

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("(?s:.*)".join(map(re.escape, self.parts)))


@cache
def sentences() -> tuple[Written, ...]:
    """Return all sentences, in the order of files and lines."""
    paths = sorted(
        path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in {*NO_REASONS}
    )
    return tuple(found for path in paths for found in sentences_of(path))


def sentences_of(path: Path) -> Iterator[Written]:
    """Yield the sentences of one file: values named as reasons, and everything that reads like one."""
    module = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {id(value) for node in ast.walk(tree) for value in _named(node)}
    for node in _texts(tree):
        parts = _parts(node)
        if (id(node) in named and any(parts)) or _is_sentence(parts):
            yield Written(module, node.lineno, parts)


def _named(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the values that a call passes as `why` or as an error message."""
    if not isinstance(node, ast.Call):
        return
    yield from (word.value for word in node.keywords if word.arg == "why")
    if isinstance(node.func, ast.Name) and node.func.id.endswith("Error"):
        yield from node.args[:1]


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    if isinstance(node, ast.JoinedStr):
        yield node
        yield from (found for value in node.values for found in _inside(value))
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):  # a docstring
            yield from _texts(child)


def _inside(value: ast.expr) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield texts inside a value of an f-string, such as both branches of a conditional."""
    if isinstance(value, ast.FormattedValue):
        yield from _texts(value.value)


def _parts(node: ast.Constant | ast.JoinedStr) -> tuple[str, ...]:
    if isinstance(node, ast.Constant):
        return (str(node.value),)
    parts = [""]
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts[-1] += str(value.value)
        else:
            parts.append("")
    return tuple(parts)


def _is_sentence(parts: tuple[str, ...]) -> bool:
    text = " xx ".join(parts)
    return len(text) <= _LONGEST and "\n" not in text and _A_SENTENCE.search(text) is not None
