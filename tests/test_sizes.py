"""Modules, functions and parameter lists stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent.parent / "runner"
MODULES = [path for path in sorted(RUNNER.rglob("*.py")) if "versions" not in path.parts]
"""All but the migrations, which list columns."""
LINES, FUNCTION_LINES, PARAMETERS = 350, 60, 8


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(RUNNER)))
def test_module_is_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LINES
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [one.name for one in functions if length(one) > FUNCTION_LINES] == []
    assert [one.name for one in functions if parameters(one) > PARAMETERS] == []


def length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def parameters(function: ast.FunctionDef) -> int:
    found = function.args
    names = [one.arg for one in (*found.posonlyargs, *found.args, *found.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])
