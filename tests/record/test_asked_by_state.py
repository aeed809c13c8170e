"""What decides asks the ledger for a state, never for the newest rows or for a fixed span of time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner

ROOMS = ("record", "workflows", "report", "plan", "cli")
SOURCES = sorted(
    path
    for room in ROOMS
    for path in (Path(runner.__file__).parent / room).rglob("*.py")
    if "migrations" not in path.parts
)
LISTED = {"list_runs": 0, "list_windows": 1, "list_acts": 1}
"""Questions that take a `limit`, for a person who lists something, and how many arguments come before it."""

PERSON = "a person lists them and says how many"
ONE = "whether there is one, or which is the newest of them: that is the question"
CALENDAR = "a unit of the calendar, no span that is looked back"
REVIEWED = {
    "cli/progress.py: _local: timedelta": "how a time is printed",
    "cli/run.py: failed_sites: list_acts": "the first act of a run says how it began",
    "cli/serve.py: list_: list_windows": PERSON,
    "cli/show.py: runs: list_runs": PERSON,
    "plan/schedules.py: _INSTANT: timedelta": CALENDAR,
    "plan/schedules.py: _PUNCTUAL: timedelta": "how late a window starts that is not to be caught up",
    "plan/windows.py: _DAY: timedelta": CALENDAR,
    "plan/windows.py: _SECOND: timedelta": CALENDAR,
    "plan/windows.py: _streams: timedelta": CALENDAR,
    "record/acts.py: add_act: limit": ONE,
    "record/acts.py: list_acts: limit": PERSON,
    "record/evidence.py: last_backup: limit": ONE,
    "record/history.py: _backup_was_tried: limit": ONE,
    "record/lastlook.py: _SLACK: timedelta": "how exact two clocks of one look are",
    "record/queries.py: _unknown: limit": "names for a hint",
    "record/queries.py: find_run: limit": "`last` is the newest run; two tell that a prefix is not unique",
    "record/queries.py: list_runs: limit": PERSON,
    "record/views/care.py: LEASE: timedelta": "when a process of another machine counts as dead",
    "record/websites.py: find_website: limit": "the website that had a name last",
    "record/windows.py: list_windows: limit": PERSON,
    "workflows/doctor.py: _RENEWAL: timedelta": "when a certificate's end is worth a warning",
}
"""Limits and spans that decide nothing about rows of the ledger, each with the reason."""


def found(path: Path) -> Iterator[str]:
    """Each limit and each fixed span, by the function or constant that it is in."""
    name = path.relative_to(Path(runner.__file__).parent).as_posix()
    tree = ast.parse(path.read_text())
    owners = {
        inner: owner for node in ast.walk(tree) if (owner := owner_of(node)) for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (what := limit_or_span(node)):
            yield f"{name}: {owners.get(node, 'module')}: {what}"


def owner_of(node: ast.AST) -> str:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return target.id if isinstance(target, ast.Name) and target.id.isupper() else ""
    return ""


def limit_or_span(call: ast.Call) -> str:
    named = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if isinstance(call.func, ast.Attribute) and named in {"limit", "fetchmany", "slice"}:
        return named
    if named in LISTED and (
        len(call.args) > LISTED[named] or any(one.arg == "limit" for one in call.keywords)
    ):
        return named
    values = [*call.args, *(one.value for one in call.keywords)]
    fixed = all(isinstance(one, (ast.Constant, ast.UnaryOp)) for one in values)
    return "timedelta" if named == "timedelta" and values and fixed else ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_limit_and_no_span_decides(path: Path):
    assert [one for one in found(path) if one not in REVIEWED] == []


def test_each_exception_is_still_there():
    assert REVIEWED.keys() <= {one for path in SOURCES for one in found(path)}


@pytest.mark.parametrize(
    "text",
    [
        "def due(ledger):\n    return ledger.list_runs(limit=200)",
        "def due(ledger):\n    return ledger.list_runs(50)",
        "_LOOK_BACK = timedelta(days=35)",
        "def due(now):\n    return now - timedelta(35)",
        "def seen(query):\n    return query.limit(1000)",
    ],
)
def test_a_limit_or_a_span_is_found(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "new.py").write_text(text)
    assert list(found(tmp_path / "new.py"))
