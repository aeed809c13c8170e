"""Every regular expression of the package, as the source has it, and hostile text for each.

Collected from the syntax trees of the modules, from PHP's `preg_*` calls and from `sed`, `grep` and `awk` in
shell text. Hostile text is derived from the pattern itself: what it repeats is repeated, what it starts with
is started again and again, and the end never comes.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import runner

ROOT = Path(runner.__file__).parent
_METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split")
_PHP = re.compile(r"preg_\w+\(\s*'((?:[^'\\]|\\.)*)'")
_SHELL = re.compile(r"\b(sed|grep|awk)((?: -[A-Za-z]+)*(?: -v \w+=\"[^\"]*\")?) '([^']+)'")
_STOP = "\x00!"
"""What no repeated part of a pattern should accept."""


@dataclass(frozen=True)
class Found:
    """A regular expression, where it stands and how it is used."""

    place: str
    source: str | bytes
    flags: int = 0
    methods: frozenset[str] = field(default=frozenset({"search"}))

    @property
    def compiled(self) -> re.Pattern[Any]:
        return re.compile(self.source, self.flags)


@dataclass(frozen=True)
class Program:
    """A `sed`, `grep` or `awk` of a shell text."""

    place: str
    argv: tuple[str, ...]


@cache
def of_python() -> tuple[Found, ...]:
    """Each pattern of a module, with the methods by which that module uses it."""
    return tuple(found for path in sorted(ROOT.rglob("*.py")) for found in _of_module(path))


@cache
def of_php() -> tuple[Found, ...]:
    """PHP's patterns, in Python's terms."""
    found = []
    for path in sorted(ROOT.rglob("*.php")):
        for match in _PHP.finditer(path.read_text()):
            text = re.sub(r"\\([\\'])", r"\1", match[1])
            body, _, flags = text[1:].rpartition(text[0])
            names = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
            value = sum(names.get(flag, 0) for flag in flags)
            found.append(Found(f"{path.name}:{_line(path, match.start())}", body, value))
    return tuple(found)


@cache
def of_shell() -> tuple[Program, ...]:
    """Programs that search lines in shell texts."""
    found = []
    for path in sorted([*ROOT.rglob("*.sh"), *ROOT.rglob("*.py")]):
        for match in _SHELL.finditer(path.read_text()):
            options = re.sub(r' -v \w+="[^"]*"', "", match[2]).split()
            place = f"{path.name}:{_line(path, match.start())}"
            found.append(Program(place, (match[1], *options, match[3])))
    return tuple(found)


def _line(path: Path, at: int) -> int:
    return path.read_text().count("\n", 0, at) + 1


def _of_module(path: Path) -> Iterator[Found]:
    tree = ast.parse(path.read_text())
    place = path.relative_to(ROOT)
    name = ".".join(("runner", *place.with_suffix("").parts)).removesuffix(".__init__")
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
            continue
        method = node.func.attr
        if method not in {*_METHODS, "compile"}:
            continue
        flags = [*node.args[{"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(method, 2) :]]
        flags += [word.value for word in node.keywords if word.arg == "flags"]
        methods = frozenset(_uses(tree, node)) if method == "compile" else frozenset({method})
        for source in _texts(node.args[0], name):
            yield Found(f"{place}:{node.lineno}", source, _flags(flags), methods)


def _uses(tree: ast.Module, made: ast.Call) -> Iterator[str]:
    """How a compiled pattern is used in its module; every way, where that cannot be seen."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.value is made
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names
    }
    yield from used & set(_METHODS) or {"search", "fullmatch"}


def _texts(node: ast.expr, module: str) -> list[str | bytes]:
    """The pattern's text; what is filled in at run time is one word."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "word" for part in node.values]
        return ["".join(parts)]
    if isinstance(node, ast.Name):
        value = getattr(importlib.import_module(module), node.id, None)
        return [value] if isinstance(value, str | bytes) else []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [a + b for a in _texts(node.left, module) for b in _texts(node.right, module)]  # type: ignore[operator]
    return []


def _flags(nodes: list[ast.expr]) -> int:
    names = [n.attr for node in nodes for n in ast.walk(node) if isinstance(n, ast.Attribute)]
    return sum({int(getattr(re, name)) for name in names})


def hostile(found: Found, size: int) -> Iterator[str | bytes]:
    """Texts of about `size` characters that make a careless pattern try again and again."""
    for text in dict.fromkeys(_variants(found.compiled)):
        filled = (text[0] + text[1] * (size // max(len(text[1]), 1)))[:size] + text[2]
        yield filled.encode("latin-1", "replace") if isinstance(found.source, bytes) else filled


def _variants(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Head, what is repeated, tail."""
    from re import _parser  # type: ignore[attr-defined]

    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    items = list(_parser.parse(source, flags))
    for unit in (" ", "a", "0", "\n", " \n", "a\n", "<", "/", ".", "\t \n"):
        yield "", unit, _STOP
    yield from _of_items(items, "")


def _of_items(items: list[Any], before: str) -> Iterator[tuple[str, str, str]]:
    head = before
    for index, (kind, value) in enumerate(items):
        name = str(kind)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            body = list(value[2])
            for unit in dict.fromkeys((_example(body), _example(body, other=True))):
                if unit:
                    after = _example(items[index + 1 :])
                    yield head, unit, _STOP
                    yield "", head + unit * 3, _STOP
                    yield "", head + unit * 3 + after[:-1], _STOP
                    yield head, unit + after[:-1], _STOP
            yield from _of_items(body, head)
        elif name == "SUBPATTERN":
            yield from _of_items(list(value[3]), head)
        elif name == "BRANCH":
            for branch in value[1]:
                yield from _of_items(list(branch), head)
        head += _example([(kind, value)])
    if head:
        yield "", head[:-1] or head, _STOP
        yield "", head + "\n", _STOP


def _example(items: list[Any], *, other: bool = False) -> str:
    """A short text that the items accept; with `other`, another one."""
    found = ""
    for kind, value in items:
        match str(kind):
            case "LITERAL":
                found += chr(value)
            case "NOT_LITERAL":
                found += "a" if chr(value) != "a" else "b"
            case "ANY":
                found += "b" if other else "a"
            case "IN":
                found += _of_set(value, other=other)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                found += _example(list(value[2]), other=other) * max(min(value[0], 70), 1 if other else 0)
            case "SUBPATTERN":
                found += _example(list(value[3]), other=other)
            case "ATOMIC_GROUP":
                found += _example(list(value), other=other)
            case "BRANCH":
                found += _example(list(value[1][-1 if other else 0]), other=other)
    return found


def _of_set(value: list[Any], *, other: bool) -> str:
    allowed = re.compile(_set_source(value))
    choices = [c for c in "a0 -_/.<>=\"'\n\tZ~" if allowed.fullmatch(c)]
    choices = choices or [chr(n) for n in range(256) if allowed.fullmatch(chr(n))]
    return choices[-1 if other else 0] if choices else ""


def _set_source(value: list[Any]) -> str:
    parts = []
    for kind, item in value:
        match str(kind):
            case "NEGATE":
                parts.append("^")
            case "LITERAL":
                parts.append(re.escape(chr(item)))
            case "RANGE":
                parts.append(f"{re.escape(chr(item[0]))}-{re.escape(chr(item[1]))}")
            case "CATEGORY":
                words = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
                word = words[str(item).rpartition("_")[2]]
                parts.append(word.upper() if "NOT" in str(item) else word)
    return f"[{''.join(parts)}]"
