"""The messages quoted in docs/errors.md match those in the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
QUOTED = [line for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
_SHORTEST = 8
_VALUE, _LAST = "[^;]*?", "[^;]*"


@cache
def message_patterns() -> list[re.Pattern[str]]:
    """Return a pattern for every text in the code that is long enough to be recognized."""
    found = set()
    for path in sorted((ROOT / "runner").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _constants(tree)
        for node in ast.walk(tree):
            parts = _parts(node, names)
            if sum(map(len, filter(None, parts))) >= _SHORTEST:
                open_ended = parts[-1] is None
                words = [_VALUE if part is None else re.escape(part.strip("\n")) for part in parts]
                found.add("".join([*words[:-1], _LAST] if open_ended else words))
    return [re.compile(pattern, re.IGNORECASE) for pattern in found]


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the string constants of a module by name."""
    return {
        one.targets[0].id: one.value.value
        for one in tree.body
        if isinstance(one, ast.Assign)
        and isinstance(one.targets[0], ast.Name)
        and isinstance(one.value, ast.Constant)
        and isinstance(one.value.value, str)
    }


def _text(part: ast.expr, names: dict[str, str]) -> str | None:
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value if isinstance(part, ast.FormattedValue) else None
    return names.get(value.id) if isinstance(value, ast.Name) else None


def _parts(node: ast.AST, names: dict[str, str]) -> list[str | None]:
    """Return the fixed parts of a text, and None for its values; nothing for a text of several lines."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n\n" not in node.value:
        return [node.value]
    if not isinstance(node, ast.JoinedStr):
        return []
    parts = [_text(part, names) for part in node.values]
    if any("\n" in part.strip("\n") for part in parts if part):
        return []
    return [part for part, before in zip(parts, ["", *parts], strict=False) if part or before is not None]


def matched_length(line: str) -> int:
    """Return how many characters of the line match texts in the code."""
    matched = [False] * len(line)
    for pattern in message_patterns():
        for match in pattern.finditer(line):
            matched[match.start() : match.end()] = [True] * len(match[0])
    return sum(matched)


@pytest.mark.parametrize("line", QUOTED)
def test_quoted_messages_are_in_the_code(line: str) -> None:
    prefix = re.match(r"\s*(?:\S+\.yaml:\d+:\d+: (?:[\w.\[\]-]+: )?|error: |\w+: \w+ \(|\S+@\S+: )?", line)
    message = line[prefix.end() :] if prefix else line
    assert matched_length(message) >= 0.6 * len(message), message


def test_every_message_has_a_solution() -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    assert len(sections) >= 20
    for section in sections:
        title, _, text = section.partition("\n")
        assert "```text\n" in text, title
        assert len(re.sub(r"```.*?```", "", text, flags=re.DOTALL).strip()) > 40 or "```sh\n" in text, title
