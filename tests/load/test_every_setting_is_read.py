"""No setting without effect: every key of the files is used by some code.

The types come from mypy, so that reading `window.name` does not count as reading a contact's name.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from mypy import build
from mypy.modulefinder import BuildSource
from mypy.nodes import MemberExpr, MypyFile, NameExpr
from mypy.options import Options
from mypy.server.subexpr import get_subexpressions
from mypy.types import Instance, TypeType, UnionType, get_proper_type

from runner.load.fields import Shape
from runner.load.inventory import InventoryFile
from runner.load.problems import flat
from runner.load.settings import SettingsFile
from runner.model import Inventory, Playbook, SecretRef, Settings, Step
from runner.steps import registry

ROOT = Path(__file__).resolve().parents[2]
READERS = {"runner.load", "runner.model"}
"""Packages that only pass settings on; reading one there has no effect."""
CONSUMED: Mapping[tuple[str, str], str] = {("Site", "address"): "Site.own_address and Site.started_as"}
"""Reviewed exceptions: class and field, and the code that uses it."""
ODD = """\
from dataclasses import dataclass

@dataclass(frozen=True)
class Odd:
    used: int
    checked: int
    ignored: int
    def __post_init__(self) -> None:
        if self.checked < 0:
            raise ValueError

@dataclass(frozen=True)
class Other:
    ignored: int

def f(odd: Odd, more: list[Odd | None], other: Other) -> int:
    return sum(one.used for one in more if one) + other.ignored
"""


def _read_in(tree: MypyFile, types: Mapping[Any, Any]) -> set[tuple[str, str]]:
    """The attributes a module reads, as class name and attribute; `dict(x)` reads all, as `*`."""
    source = ast.parse(Path(tree.path).read_text(encoding="utf-8"))
    checks = [
        range(node.lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(source)
        if isinstance(node, ast.FunctionDef) and node.name == "__post_init__"
    ]
    whole = {
        _place(node.args[0])
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "dict"
        and node.args
    }
    found = set()
    for one in get_subexpressions(tree):
        own = isinstance(one, MemberExpr) and isinstance(one.expr, NameExpr) and one.expr.name == "self"
        if isinstance(one, MemberExpr) and not (own and any(one.line in lines for lines in checks)):
            found |= {(name, one.name) for name in _classes(types.get(one.expr))}
        if (one.line, one.column, one.end_line, one.end_column) in whole:
            found |= {(name, "*") for name in _classes(types.get(one))}
    return found


def _place(node: ast.expr) -> tuple[int, int, int | None, int | None]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _classes(kind: Any) -> Iterator[str]:
    proper = get_proper_type(kind)
    if isinstance(proper, UnionType):
        for item in proper.items:
            yield from _classes(item)
    elif isinstance(proper, TypeType):
        yield from _classes(proper.item)
    elif isinstance(proper, Instance):
        yield from (base.fullname for base in proper.type.mro)


def reads(sources: list[BuildSource], options: Options) -> dict[str, set[tuple[str, str]]]:
    """By module, the attributes that it reads."""
    result = build.build(sources, options)
    assert not result.errors
    found = {}
    for source in sources:
        tree = result.files[source.module]
        assert isinstance(tree, MypyFile)
        found[source.module] = _read_in(tree, result.types)
    return found


def _options() -> Options:
    options = Options()
    options.export_types = options.preserve_asts = True
    options.incremental = False
    options.ignore_missing_imports = True
    options.python_executable = sys.executable
    options.follow_imports = "normal"
    return options


@pytest.fixture(scope="module")
def read() -> dict[str, set[tuple[str, str]]]:
    """By module of the runner, the attributes that it reads."""
    files = sorted((ROOT / "runner").rglob("*.py"))
    sources = [
        BuildSource(
            str(file), ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        )
        for file in files
    ]
    return reads(sources, _options())


def inside(read: Mapping[str, set[tuple[str, str]]], *, carried: bool) -> set[tuple[str, str]]:
    """The attributes read in the packages that only pass settings on, or in all others."""
    return {
        one
        for module, found in read.items()
        if (".".join(module.split(".")[:2]) in READERS) == carried
        for one in found
    }


def models(kind: type, seen: set[type]) -> set[type]:
    """A dataclass and the dataclasses it contains."""
    if kind in seen or kind is SecretRef:
        return seen
    seen.add(kind)
    for hint in get_type_hints(kind).values():
        for part in _parts(hint):
            if dataclasses.is_dataclass(part) and isinstance(part, type):
                models(part, seen)
    return seen


def _parts(hint: object) -> Iterator[object]:
    yield hint
    for arg in get_args(hint):
        yield from _parts(arg)


def shapes(kind: type[Shape], seen: set[type[Shape]]) -> set[type[Shape]]:
    """A shape and the shapes it contains."""
    if kind in seen:
        return seen
    seen.add(kind)
    for annotation in (
        *(field.annotation for field in kind.model_fields.values()),
        getattr(kind, "extras", None),
    ):
        for part in _parts(annotation):
            for found in flat(part):
                if isinstance(found, type) and issubclass(found, Shape):
                    shapes(found, seen)
    return seen


def unread(kinds: Iterable[type], found: set[tuple[str, str]]) -> list[str]:
    """The fields that nothing reads."""
    return sorted(
        f"{kind.__name__}.{field.name}"
        for kind in kinds
        for field in dataclasses.fields(kind)
        if not {(name, field.name) for name in _declaring(kind, field.name)} & found
        and (kind.__name__, field.name) not in CONSUMED
    )


def _declaring(kind: type, field: str) -> Iterator[str]:
    """Full names of a class and of its bases that have the field."""
    for base in kind.__mro__:
        if base is kind or field in getattr(base, "__annotations__", {}):
            yield f"{base.__module__}.{base.__qualname__}"


def test_every_setting_is_used(read):
    kinds = models(Settings, set()) | models(Inventory, set()) | models(Playbook, set()) | {Step}
    assert {"Mail", "Rule", "Window", "StatedPage", "NamedSecret"} <= {kind.__name__ for kind in kinds}
    assert unread(kinds, inside(read, carried=False)) == []


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_option_of_a_step_is_used(read, name):
    assert unread(models(registry()[name].options, set()), inside(read, carried=False)) == []


def test_every_key_of_the_files_reaches_the_model(read):
    found = inside(read, carried=True)
    lost = [
        f"{shape.__name__}.{key}"
        for shape in shapes(InventoryFile, set()) | shapes(SettingsFile, set())
        for key in shape.model_fields
        if not {(name, one) for name in _declaring(shape, key) for one in (key, "*")} & found
    ]
    assert lost == []


def test_unused_field_is_found(tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text(ODD)
    monkeypatch.syspath_prepend(str(tmp_path))
    import odd

    found = reads([BuildSource(str(tmp_path / "odd.py"), "odd")], _options())["odd"]
    assert unread([odd.Odd], found) == ["Odd.checked", "Odd.ignored"]
