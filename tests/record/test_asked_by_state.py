"""Decisions query the ledger by state, never by the newest rows or a fixed time span."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner

ROOMS = ("record", "apply", "inspect", "hosts", "workflows", "report", "plan", "cli")
NO_SQL = ("apply/", "inspect/", "hosts/")
"""Rooms in which `limit` is a time limit."""
SOURCES = sorted(
    path
    for room in ROOMS
    for path in (Path(runner.__file__).parent / room).rglob("*.py")
    if "migrations" not in path.parts
)
LISTED = {
    "runs.list": 0,
    "windows.list": 1,
    "acts.list": 1,
}
"""Queries that take a `limit` when a person lists something, and the number of arguments before it."""

PERSON = "a person lists them and chooses how many"
ONE = "whether one exists, or which one is the newest"
DAILY = "when the ledger is pruned, not what"
CALENDAR = "a unit of the calendar, not a span to look back"
ESTIMATE = "an estimate of how long a site takes"
REVIEWED = {
    "cli/progress/earlier.py: earlier_durations: runs.list": "an estimate of the time that is left",
    "workflows/run.py: _CONFIRMED_WITHIN: timedelta": "then the site is lost; `resume` asks its host again",
    "workflows/schedules.py: _SKEW: timedelta": "how far the clocks of two schedulers may differ",
    "cli/progress/listener.py: _LONG: timedelta": "how often a long step prints a line",
    "cli/log.py: _LONG: timedelta": "how often a long step prints a line",
    "cli/selection.py: failed_sites: acts.list": "the first act of a run shows how it started",
    "cli/schedule.py: list_: windows.list": PERSON,
    "cli/logs.py: logs: acts.list": "the first act of a run shows how it started",
    "cli/show.py: runs: runs.list": PERSON,
    "cli/pause.py: pause: timedelta": CALENDAR,
    "plan/blackouts.py: _MARGIN: timedelta": CALENDAR,
    "plan/durations.py: _ROLLBACK: timedelta": ESTIMATE,
    "plan/durations.py: _STOPPING: timedelta": ESTIMATE,
    "plan/durations.py: _WORK: timedelta": ESTIMATE,
    "plan/windows.py: past_windows: timedelta": CALENDAR,
    "plan/retention.py: _ZONES: timedelta": CALENDAR,
    "plan/announcements.py: _DAY: timedelta": CALENDAR,
    "plan/announcements.py: _INSTANT: timedelta": CALENDAR,
    "plan/announcements.py: announced_ahead: timedelta": "zero means never",
    "plan/schedules.py: _INSTANT: timedelta": CALENDAR,
    "plan/schedules.py: _PUNCTUAL: timedelta": "how late a window may start without catching up",
    "plan/windows.py: _DAY: timedelta": CALENDAR,
    "plan/windows.py: _SECOND: timedelta": CALENDAR,
    "plan/windows.py: _streams: timedelta": CALENDAR,
    "record/acts.py: add_act: limit": ONE,
    "record/acts.py: last_at: limit": ONE,
    "record/acts.py: list: limit": PERSON,
    "record/approvals.py: list: limit": PERSON,
    "record/backups.py: newest: limit": ONE,
    "record/durations.py: _COMPLETED: limit": ESTIMATE,
    "record/durations.py: _RECENT: limit": ESTIMATE,
    "record/durations.py: _LAST: limit": "the newest run of a site decides its place in the order",
    "record/history.py: _backup_attempted: limit": ONE,
    "record/lastlook.py: _SLACK: timedelta": "clock difference between two sources of one look",
    "record/look_history.py: SLOT: timedelta": "the span of a summary",
    "record/look_history.py: _slot_of: timedelta": CALENDAR,
    "record/prune.py: _keys: limit": "rows per transaction; the next one continues",
    "record/queries.py: unknown_run: limit": "names for a hint",
    "record/queries.py: find: limit": "`last` is the newest run; two matches mean an ambiguous prefix",
    "record/queries.py: last_of_playbook: limit": "`@failed` is about the newest run of a playbook",
    "record/queries.py: last_with_site: limit": "a person reads the output of the newest run of a site",
    "record/queries.py: list: limit": PERSON,
    "record/views/care.py: LEASE: timedelta": "when a process of another machine counts as dead",
    "record/websites.py: find_website: limit": "the last website with a name",
    "record/windows.py: list: limit": PERSON,
    "workflows/approvals.py: _CHECKED_AHEAD: timedelta": "how early an approved plan is compared",
    "workflows/approvals.py: _RETRY_AFTER: timedelta": "when a plan that could not be made is tried again",
    "workflows/approvals.py: still_opens: timedelta": CALENDAR,
    "workflows/notices.py: _BETWEEN_URGENT: timedelta": "how often the crew is disturbed",
    "workflows/notices.py: last_window: windows.list": "a person asks for the last opening",
    "workflows/pruning.py: _DAILY: timedelta": DAILY,
    "workflows/pruning.py: _LATEST: timedelta": DAILY,
    "workflows/pruning.py: _BEFORE_WINDOW: timedelta": DAILY,
    "workflows/pruning.py: _ENGINE_DAYS: timedelta": "rows that are not needed; open runs are kept by state",
    "workflows/watch.py: module: timedelta": "how long a problem lasts before the crew is notified",
    "inspect/doctor.py: _RENEWAL: timedelta": "when a certificate's end is worth a warning",
}
"""Limits and time spans that do not decide anything about ledger rows, with the reason for each."""


def found(path: Path) -> Iterator[str]:
    """Yield each limit and fixed time span with its function or constant."""
    name = path.relative_to(Path(runner.__file__).parent).as_posix()
    tree = ast.parse(path.read_text())
    owners = {
        inner: owner for node in ast.walk(tree) if (owner := owner_of(node)) for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (what := limit_or_span(node, sql=not name.startswith(NO_SQL))):
            yield f"{name}: {owners.get(node, 'module')}: {what}"


def owner_of(node: ast.AST) -> str:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return target.id if isinstance(target, ast.Name) and target.id.isupper() else ""
    return ""


def limit_or_span(call: ast.Call, *, sql: bool) -> str:
    named = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if sql and isinstance(call.func, ast.Attribute) and named in {"limit", "fetchmany", "slice"}:
        return named
    listed = named
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Attribute):
        listed = f"{call.func.value.attr}.list" if named == "list" else named
    if listed in LISTED and (
        len(call.args) > LISTED[listed] or any(one.arg == "limit" for one in call.keywords)
    ):
        return listed
    values = [*call.args, *(one.value for one in call.keywords)]
    fixed = all(isinstance(one, (ast.Constant, ast.UnaryOp)) for one in values)
    return "timedelta" if named == "timedelta" and values and fixed else ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_decisions_use_no_limit_or_span(path: Path):
    assert [one for one in found(path) if one not in REVIEWED] == []


def test_reviewed_exceptions_still_exist():
    assert REVIEWED.keys() <= {one for path in SOURCES for one in found(path)}


@pytest.mark.parametrize(
    "text",
    [
        "def due(ledger):\n    return ledger.runs.list(limit=200)",
        "def due(ledger):\n    return ledger.windows.list(None, limit=50)",
        "_LOOK_BACK = timedelta(days=35)",
        "def due(now):\n    return now - timedelta(35)",
        "def seen(query):\n    return query.limit(1000)",
    ],
)
def test_limits_and_spans_are_detected(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "new.py").write_text(text)
    assert list(found(tmp_path / "new.py"))
