"""Ids are opaque: no code reads a client, a site or a time from one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner

ROOT = Path(runner.__file__).parent
IDS = frozenset({
    "id", "id_", "job", "job_id", "of_run", "opening", "run", "run_id", "run_name", "segment",
    "snapshot", "snapshot_id", "snapshot_name", "tag", "undoes", "settled_run",
})  # fmt: skip
"""Names of variables, attributes and columns with an id."""
APART = frozenset({
    "contains", "count", "endswith", "find", "icontains", "iendswith", "ilike", "index", "istartswith",
    "like", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rpartition",
    "rsplit", "split", "startswith",
})  # fmt: skip
"""Methods that read part of a string."""
MATCH = frozenset({"findall", "finditer", "fnmatch", "fnmatchcase", "fullmatch", "match", "search", "sub"})
"""Functions and methods that parse their argument."""
REVIEWED = {
    "execute/job.py: __post_init__: fullmatch": "an id is safe as a file's name",
    "hosts/fake.py: _suffer: id[...]": "the head of an id, to print",
    "hosts/fake.py: _died: id[...]": "the head of an id, to print",
    "execute/jobs.py: __init__: job[...]": "the head of an id, to print",
    "load/references.py: _is_numbered_like: sub": "a tag of sites",
    "record/queries.py: find: run.startswith": "a person types the first letters; the whole id is found",
    "steps/shell.py: __post_init__: in run": "the text of a shell step",
    "steps/static/build.py: __post_init__: in run": "the text of a build",
    "web/url.py: below: segment.split": "a segment of a path",
    "apply/transaction/caches.py: purged_in: id.removesuffix": "a task of a job, named by the same module",
    "apply/jobs.py: restore_point_id: job[...]": "a short name on the host; nothing is read from it",
}
"""Allowed exceptions, with the reason for each."""


def taken_apart(path: Path) -> Iterator[str]:
    """Yield each place that parses an id, as "file: function: how"."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    for function, node in _nodes(ast.parse(path.read_text(encoding="utf-8")), "module"):
        if how := _how(node):
            yield f"{name}: {function}: {how}"


def _nodes(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield inside, child
        yield from _nodes(child, inside)


def _how(node: ast.AST) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in APART and _is_id(node.func.value):
            return f"{_name(node.func.value)}.{node.func.attr}"
        if node.func.attr in MATCH and any(map(_is_id, node.args)):
            return node.func.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MATCH:
        return node.func.id if any(map(_is_id, node.args)) else ""
    if isinstance(node, ast.Subscript) and _is_id(node.value) and _is_part(node.slice):
        return f"{_name(node.value)}[...]"
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        # `x in run` reads a part of it; a collection of ids has another name
        return f"in {_name(node.comparators[0])}" if _is_id(node.comparators[0]) else ""
    return ""


def _is_part(index: ast.expr) -> bool:
    number = index.operand if isinstance(index, ast.UnaryOp) else index
    return isinstance(number, ast.Slice) or (
        isinstance(number, ast.Constant) and isinstance(number.value, int)
    )


def _is_id(value: ast.expr) -> bool:
    return _name(value) in IDS


def _name(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "str":
        return _name(value.args[0]) if value.args else ""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return _name(value.func.value) if value.func.attr in {"lower", "strip", "casefold"} else ""
    if isinstance(value, ast.Name):
        return value.id
    return value.attr if isinstance(value, ast.Attribute) else ""


def test_ids_are_never_parsed():
    found = {place for path in sorted(ROOT.rglob("*.py")) for place in taken_apart(path)}
    assert found - REVIEWED.keys() == set(), "ask the ledger for what the id stands for"
    assert REVIEWED.keys() - found == set(), "no longer there"


@pytest.mark.parametrize(
    "line",
    [
        'run.endswith(f"-{client}")',
        "view.run_id.rsplit('-', 1)",
        "runs.c.run.like(f'%{client}')",
        "client in row.run",
        "head.run[11:-5]",
        "str(found.job).partition('.')",
        "re.search(r'-(\\w+)$', order.run)",
        "fnmatch(snapshot, f'{site}-*')",
        "job.split('.')[-1]",
        "run.lower().removeprefix('2026-')",
    ],
)
def test_parsing_of_ids_is_detected(tmp_path: Path, line: str):
    source = tmp_path / "bad.py"
    source.write_text(f"def guess():\n    return {line}\n", encoding="utf-8")
    assert len([*taken_apart(source)]) == 1


@pytest.mark.parametrize(
    "line", ["run in runs", "runs[0]", "site.name.split('.')", "run == other.run", "ids[id]"]
)
def test_uses_of_whole_ids_are_allowed(tmp_path: Path, line: str):
    source = tmp_path / "good.py"
    source.write_text(f"def ask():\n    return {line}\n", encoding="utf-8")
    assert [*taken_apart(source)] == []
