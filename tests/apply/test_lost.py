"""A site is `lost` only if a job may have run on it."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import runner
from runner import crashlog
from runner.apply.ending import abandoned, ended_by
from runner.errors import (
    EngineError,
    HostKeyError,
    IdentityError,
    LockedError,
    LostError,
    SecretError,
    UnreachableError,
)
from runner.execute import Command, Endpoint, Job, NotSentError, Pool, run_job
from runner.hosts.boundary import UnexpectedError, contained
from runner.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(runner.__file__).parent

MAKES = {
    "apply/ending.py ended_by": "by the site's jobs in the ledger",
    "apply/ending.py abandoned": "by the site's jobs in the ledger",
    "apply/site.py _halted": "files were uploaded without a job when the process ended",
    "record/mark.py accept": "the site was started in a run whose end the older ledger does not have",
    "steps/base.py by_status": "the job ended without the step's end",
    "steps/wordpress/verdict.py verdict": "the job ended without the step's end",
    "steps/packages/verdict.py judge": "the job ended without the step's end",
    "workflows/run.py _finish": "hosts have not confirmed the end of their jobs; no outcome is recorded",
    "workflows/run.py follow": "as _finish",
}
"""Functions that set the outcome of a site, a step or an item, and what they know about a job."""
RAISES = {
    "cli/cancel.py _wait_for_other_process": "the cancelled run has jobs; no outcome is recorded",
    "execute/follow.py _lost": "its callers know that the host may have started the job",
    "execute/follow.py _died": "the host reports it of the job",
    "execute/jobs.py run_job": "the host knew the job before, and no longer does",
    "apply/transaction/transaction.py review_unattended": "the host kept changes that could not be checked",
    "apply/transaction/transaction.py roll_back": "the job was killed",
    "hosts/fake.py _suffer": "for tests",
    "hosts/fake.py _died": "for tests",
    "apply/packages.py update_packages": "the job was lost",
    "apply/segment.py run_segment": "the job was killed",
}


def functions() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT).as_posix()} {node.name}", node


def given(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those that only compare, list or look up."""
    if isinstance(node, ast.Compare | ast.Set | ast.match_case):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from given(child)


def test_only_known_functions_set_lost() -> None:
    found = {
        name
        for name, node in functions()
        if not name.startswith(("report/", "cli/"))  # they show what is recorded
        if any(isinstance(one, ast.Attribute) and ast.unparse(one) == "Outcome.LOST" for one in given(node))
    }
    assert found == set(MAKES)


def test_only_known_functions_raise_lost() -> None:
    found = {
        name
        for name, node in functions()
        if any(
            isinstance(one, ast.Call) and ast.unparse(one.func) in {"LostError", "DiedError"}
            for one in ast.walk(node)
        )
    }
    assert found == set(RAISES)


def job(state: str = "started", name: str = "job-1") -> Any:
    return SimpleNamespace(state=state, job=name)


NO_JOB = KeyError("x")
UNSENT = NotSentError("job-1")


@pytest.mark.usefixtures("unexpected_errors")
@pytest.mark.parametrize(
    ("error", "jobs", "attempt", "outcome"),
    [
        (NO_JOB, [], 1, "failed"),
        (NO_JOB, [job("ended"), job("acked")], 1, "failed"),
        (NO_JOB, [job()], 1, "lost"),
        (UNSENT, [job()], 1, "failed"),
        (UNSENT, [job("started", "another")], 1, "lost"),
        (UNSENT, [job()], 2, "lost"),
        (SecretError("no such variable"), [], 1, "failed"),
        (SecretError("no such variable"), [job()], 2, "lost"),
        (IdentityError("another site"), [job()], 1, "failed"),
        (UnreachableError("no route"), [job()], 1, "unreachable"),
        (HostKeyError("unknown"), [], 1, "unreachable"),
        (LockedError("another run"), [job()], 1, "skipped"),
        (LostError("its host was killed"), [job()], 1, "lost"),
    ],
)
def test_error_makes_site_lost_if_job_may_have_run(
    error: Any, jobs: list[Any], attempt: int, outcome: str
) -> None:
    assert ended_by(contained(error), jobs, attempt=attempt).outcome == outcome


@pytest.mark.parametrize(
    ("jobs", "started", "uploads", "outcome"),
    [
        ([], False, False, "cancelled"),
        ([], False, True, "cancelled"),
        ([], True, False, "cancelled"),
        ([], True, True, "lost"),
        ([job("acked")], True, False, "cancelled"),
        ([job()], True, False, "lost"),
    ],
)
def test_outcome_of_abandoned_site(*, jobs: list[Any], started: bool, uploads: bool, outcome: str) -> None:
    assert abandoned("why", jobs, started=started, uploads=uploads).outcome == outcome


def test_unexpected_error_before_a_job_is_sent_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(*_: object) -> object:
        raise KeyError("getpwuid(): uid not found: 54321")

    with Pool() as pool:
        monkeypatch.setattr(pool, "link", no_name)
        with pytest.raises(NotSentError) as caught:
            run_job(pool, Endpoint("web1.example"), Job("0" * 32, (Command("a", "true"),)))
    error = contained(caught.value)
    assert isinstance(error, UnexpectedError)
    assert [entry.trace for entry in crashlog.unreported()] == [error.trace]
    assert error.unsent == "0" * 32
    assert "getpwuid" in error.trace
    assert "getpwuid" not in error.with_hint
    assert "KeyError" not in error.with_hint


def test_same_error_has_one_id_and_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashlog, "_workspace", tmp_path)
    result = f"disk {datetime.now(UTC).timestamp()}"
    errors = [ValueError(result) for _ in range(30)]
    found = {str(UnexpectedError.of(error)) for error in errors}
    assert len(found) == 1
    [file] = (tmp_path / ".sitecrew/logs").iterdir()
    assert found.pop().rpartition(" ")[2] in file.name
    assert [entry.path for entry in crashlog.unreported() if result in entry.trace] == [file]


def test_closed_session_gives_no_verdict() -> None:
    """Errors while the process exits say nothing about a site."""
    from threading import Event

    from runner.apply.session import Session

    session: Any = SimpleNamespace(_closed=Event())
    Session.check_open(session)
    session._closed.set()
    with pytest.raises(EngineError):
        Session.check_open(session)


def test_outcome_is_spelled_once() -> None:
    assert Outcome.LOST == "lost"
    others = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node) == "Outcome('lost')"
    ]
    assert others == []
