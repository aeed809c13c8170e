"""docs/errors.md quotes the program: a message that is worded anew in the source must be quoted anew."""

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
def templates() -> list[re.Pattern[str]]:
    """Every text of the program that is long enough to tell, with its values left open."""
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
    """The texts that a module gives names to."""
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
    """Fixed text, and None for one or more values; nothing for what has lines, as no message does."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n\n" not in node.value:
        return [node.value]
    if not isinstance(node, ast.JoinedStr):
        return []
    parts = [_text(part, names) for part in node.values]
    if any("\n" in part.strip("\n") for part in parts if part):
        return []
    return [part for part, before in zip(parts, ["", *parts], strict=False) if part or before is not None]


def said_by_the_program(line: str) -> int:
    """How many of the line's characters the longest fixed texts of the program make up."""
    told = [False] * len(line)
    for pattern in templates():
        for match in pattern.finditer(line):
            told[match.start() : match.end()] = [True] * len(match[0])
    return sum(told)


@pytest.mark.parametrize("line", QUOTED)
def test_what_the_page_quotes_is_what_the_program_says(line: str) -> None:
    place = re.match(r"\s*(?:\S+\.yaml:\d+:\d+: (?:[\w.\[\]-]+: )?|error: |\w+: \w+ \(|\S+@\S+: )?", line)
    said = line[place.end() :] if place else line
    assert said_by_the_program(said) >= 0.6 * len(said), said


def test_each_message_comes_with_what_to_do() -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    assert len(sections) >= 20
    for section in sections:
        title, _, text = section.partition("\n")
        assert "```text\n" in text, title
        assert len(re.sub(r"```.*?```", "", text, flags=re.DOTALL).strip()) > 40 or "```sh\n" in text, title
