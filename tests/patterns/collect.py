"""Every regular expression of the package, with the methods by which it is used."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

__all__ = ["ROOT", "Found", "php_patterns", "python_patterns", "shell_programs"]

ROOT = Path(__file__).parents[2] / "runner"
_METHODS = ("match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")
_USE = re.compile(rf"\b(\w+)\.({'|'.join(_METHODS)})\(")
_PREG = re.compile(r"preg_(?:match|match_all|replace|replace_callback|split)\(\s*")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_SHELL = re.compile(r"\b(grep|sed|awk)((?: -[A-Za-z]+)*)((?: -[vu] \S+)*) '([^']+)'")


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern, where it is, and how it is used."""

    where: str
    pattern: str | bytes
    flags: int
    methods: tuple[str, ...]


def python_patterns() -> list[Found]:
    """Literal ones by reading the code, computed ones by looking at what the modules hold."""
    files = sorted(ROOT.rglob("*.py"))
    uses: dict[str, set[str]] = {}
    for file in files:
        for name, method in _USE.findall(file.read_text()):
            uses.setdefault(name, set()).add(method)
    found: dict[tuple[str, str | bytes, int], Found] = {}
    for file in files:
        where = file.relative_to(ROOT.parent)
        if "migrations" in where.parts or file.name == "__main__.py":
            continue
        module = importlib.import_module(".".join(where.with_suffix("").parts).removesuffix(".__init__"))
        for one in (*_read(file, module, uses), *_held(file, module)):
            found.setdefault((str(where), one.pattern, one.flags & ~re.UNICODE), one)
    return list(found.values())


def _read(file: Path, module: ModuleType, uses: dict[str, set[str]]) -> Iterator[Found]:
    tree = ast.parse(file.read_text())
    named = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
            continue
        pattern = _value(node.args[0], module)
        if not isinstance(pattern, str | bytes) or node.func.attr not in {"compile", *_METHODS}:
            continue
        flags = sum(
            int(value)
            for argument in (*node.args[1:], *(word.value for word in node.keywords))
            if isinstance(value := _value(argument, module), re.RegexFlag)
        )
        direct = node.func.attr != "compile"
        name = named.get(id(node), "")
        own = {method for user, method in _USE.findall(file.read_text()) if user == name}
        methods = {node.func.attr} if direct else own or uses.get(name, set()) or _all(file)
        yield Found(f"{file.relative_to(ROOT)}:{node.lineno}", pattern, flags, tuple(sorted(methods)))


def _held(file: Path, module: ModuleType) -> Iterator[Found]:
    """Patterns in the module's own values, two levels deep."""
    values = list(vars(module).values())
    for value in list(values):
        if isinstance(value, dict):
            values += list(value.values())
        elif isinstance(value, tuple | list | frozenset):
            values += [one for part in value for one in (part if isinstance(part, tuple) else (part,))]
    for value in values:
        if isinstance(value, re.Pattern):
            yield Found(str(file.relative_to(ROOT)), value.pattern, value.flags, tuple(sorted(_all(file))))


def _all(file: Path) -> set[str]:
    """The methods that a file uses on patterns without a name of their own."""
    return {method for name, method in _USE.findall(file.read_text()) if name != "re"} or {"search"}


def _value(node: ast.expr, module: ModuleType) -> object:
    try:
        return eval(compile(ast.Expression(node), "pattern", "eval"), dict(vars(module)))  # noqa: S307 - our own code
    except Exception:  # noqa: BLE001 - what is known at run time only is found in the module
        return None


def php_patterns() -> list[tuple[str, str]]:
    """Place and pattern, with its delimiters, of every literal one; pieces around variables become one."""
    found = []
    for file in sorted(ROOT.rglob("*.php")):
        text = file.read_text()
        constants = {
            name: _unquoted(value) for name, value in re.findall(r"const (\w+)\s*=\s*('[^']*');", text)
        }
        for call in _PREG.finditer(text):
            rest = text[call.end() : call.end() + 600]
            literal = _joined(rest.partition(",")[0] if rest.startswith("$") else rest, constants)
            line = text.count("\n", 0, call.start()) + 1
            found += [(f"{file.relative_to(ROOT)}:{line}", pattern) for pattern in literal]
    return found


def _joined(rest: str, constants: dict[str, str]) -> list[str]:
    if constant := re.match(r"self::(\w+)", rest):
        return [constants[constant[1]]] if constant[1] in constants else []
    if rest.startswith("$"):  # one of two
        return [_unquoted(one[0]) for one in _QUOTED.finditer(rest)]
    pieces, at = [], 0
    while (piece := _QUOTED.match(rest, at)) is not None:
        pieces.append(_unquoted(piece[0]))
        more = re.compile(r"\s*\.\s*(?:[^'\",]*\([^()]*(?:\([^()]*\)[^()]*)*\)|\$\w+)\s*\.\s*").match(
            rest, piece.end()
        )
        if more is None:
            break
        pieces.append("x")
        at = more.end()
    return ["".join(pieces)] if pieces else []


def _unquoted(literal: str) -> str:
    """What PHP reads; escapes of double quotes beyond these are left to its patterns, which know them too."""
    return re.sub(r"\\([\\'])", r"\1", literal[1:-1])


def shell_programs() -> list[tuple[str, list[str]]]:
    """Place and command line of every grep, sed and awk with a literal program."""
    found = []
    for file in sorted((*ROOT.rglob("*.sh"), *ROOT.rglob("*.py"))):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for tool, options, variables, program in _SHELL.findall(line):
                if tool == "grep" and "q" in options:
                    options = options.replace("q", "c")  # noqa: PLW2901 - a quiet one ends early
                words = [
                    tool,
                    *options.split(),
                    *variables.split(),
                    program.replace("{{", "{").replace("}}", "}"),
                ]
                found.append((f"{file.relative_to(ROOT)}:{number}", words))
    return found
