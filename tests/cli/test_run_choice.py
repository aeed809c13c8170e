"""The runs that commands select, with and without a run id."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from runner.cli.choice import run_to_cancel, run_to_resume
from runner.cli.main import _run
from runner.cli.selection import failed_sites
from runner.errors import UsageError
from runner.load import load_workspace
from runner.model import Outcome
from tests.cli.open_runs import acquire_lease, finish_run, start_run
from tests.cli.workspaces import INVENTORY, sitecrew
from tests.ledgers import create_run

if TYPE_CHECKING:
    from pathlib import Path

    from runner.record import Ledger


def refused(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert _run(shlex.split(words)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_cancel_prefers_run_in_progress(ledger: Ledger) -> None:
    acquire_lease(ledger, "alive")
    start_run(ledger, "busy", "alive", minutes=60)
    start_run(ledger, "dead", "gone", minutes=30)
    start_run(ledger, "newest", minutes=1)
    finish_run(ledger, "newest", Outcome.CHANGED)
    assert run_to_cancel(ledger) == "busy"
    finish_run(ledger, "busy", Outcome.OK)
    assert run_to_cancel(ledger) == "dead"


@pytest.mark.parametrize("words", ["cancel", "cancel newest", "cancel last"])
def test_cancel_without_open_run_is_refused(
    ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_run(ledger, "newest", minutes=1)
    finish_run(ledger, "newest", Outcome.CHANGED)
    assert "nothing to cancel" in refused(words, capsys)


def test_cancel_lists_several_runs_in_progress(
    ledger: Ledger, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    acquire_lease(ledger, "alive")
    start_run(ledger, "one", "alive", minutes=60)
    start_run(ledger, "two", "alive", minutes=30)
    start_run(ledger, "dead", "gone", minutes=1)
    error = refused(f"-w {workspace} cancel --as Ann", capsys)
    assert "2 runs are in progress" in error
    assert f"sitecrew -w {workspace} cancel one --as Ann" in error
    assert f"sitecrew -w {workspace} cancel two --as Ann" in error
    assert "dead" not in error


def test_resume_prefers_interrupted_run(ledger: Ledger) -> None:
    acquire_lease(ledger, "alive")
    start_run(ledger, "left", minutes=90)
    finish_run(ledger, "left", Outcome.UNREACHABLE)
    start_run(ledger, "dead", "gone", minutes=60)
    start_run(ledger, "busy", "alive", minutes=30)
    start_run(ledger, "newest", minutes=1, sites="acme-docs")
    finish_run(ledger, "newest", Outcome.CHANGED, "acme-docs")
    assert run_to_resume(ledger) == "dead"


def test_resume_ignores_superseded_run(ledger: Ledger) -> None:
    start_run(ledger, "superseded", minutes=90)
    finish_run(ledger, "superseded", Outcome.UNREACHABLE)
    start_run(ledger, "left", minutes=60)
    finish_run(ledger, "left", Outcome.CANCELLED)
    start_run(ledger, "newest", minutes=1, sites="acme-docs")
    finish_run(ledger, "newest", Outcome.CHANGED, "acme-docs")
    start_run(ledger, "locked", minutes=1)
    finish_run(ledger, "locked", Outcome.SKIPPED)
    assert run_to_resume(ledger) == "left"
    start_run(ledger, "again", minutes=0)
    finish_run(ledger, "again", Outcome.FAILED)
    with pytest.raises(UsageError, match="no run was interrupted"):
        run_to_resume(ledger)


def test_resume_lists_several_interrupted_runs(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    start_run(ledger, "one", "gone", minutes=60)
    start_run(ledger, "two", "gone too", minutes=30)
    error = refused("resume -e word=secret", capsys)
    assert "2 runs are interrupted" in error
    assert "sitecrew resume one -e word=..." in error
    assert "secret" not in error


def test_resume_reports_run_in_progress(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    acquire_lease(ledger, "alive")
    start_run(ledger, "busy", "alive")
    assert "busy is in progress" in refused("resume", capsys)


@pytest.mark.parametrize(("limit", "named"), [("acme-shop", True), ("acme-docs", False)])
def test_doctor_reports_interrupted_runs_of_its_sites(
    ledger: Ledger,
    workspace: Path,
    limit: str,
    named: bool,  # noqa: FBT001
) -> None:
    start_run(ledger, "dead-1", "gone", minutes=200)
    done = sitecrew(workspace, "doctor", "-l", limit)
    assert done.returncode != 0
    assert ("sitecrew resume dead-1" in done.stdout + done.stderr) is named
    assert ("interrupted 3 h" in done.stdout + done.stderr) is named


@pytest.mark.parametrize(("act", "found"), [("run", ("acme-shop",)), ("undo", ())])
def test_undone_site_counts_as_failed_only_after_a_run(
    ledger: Ledger, act: str, found: tuple[str, ...]
) -> None:
    create_run(
        ledger,
        "{}",
        run="r1",
        playbook="undo",
        title="",
        sites=[("acme-shop", "acme", "web1", 0, 0)],
        steps=[],
        started=datetime.now(UTC),
        trigger="manual",
        act=act,
    )
    finish_run(ledger, "r1", Outcome.UNDONE)
    assert failed_sites(ledger) == found


@pytest.mark.parametrize("words", ["show ''", "undo '' -y", "cancel ''", "resume ' '", "logs '' acme-shop"])
def test_empty_run_id_is_refused(ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    acquire_lease(ledger, "alive")
    start_run(ledger, "only", "alive")
    assert "the run id is empty" in refused(words, capsys)


@pytest.mark.parametrize(
    "words",
    [
        "list runs -n 0",
        "list runs -n -3",
        "schedule list -n -1",
        "list runs --playbook nope",
        "backup list ''",
        "backup list ,",
    ],
)
def test_invalid_filter_of_list_is_refused(
    ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_run(ledger, "only")
    assert refused(words, capsys)


def test_runs_of_removed_playbook_are_listed(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    create_run(
        ledger,
        "{}",
        run="r1",
        playbook="former",
        title="",
        sites=[("acme-shop", "acme", "web1", 0, 0)],
        steps=[],
        started=datetime.now(UTC),
        trigger="manual",
    )
    assert _run(["list", "runs", "--playbook", "former", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run"] == "r1"
    assert _run(["list", "runs", "--playbook", "undo", "--json"]) == 0


def test_run_of_replaced_site_is_not_resumed(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.websites.sync(load_workspace(workspace).inventory)
    start_run(ledger, "r1")
    finish_run(ledger, "r1", Outcome.UNREACHABLE)
    moved = INVENTORY.replace("shop.acme.example", "other.example").replace("/srv/shop", "/srv/other")
    (workspace / "inventory.yaml").write_text(moved)
    assert _run(["resume", "r1"]) == 2
    error = capsys.readouterr().err
    assert "run r1 cannot be resumed: acme-shop is a different website now" in error
    assert "sitecrew show r1" in error
    assert ledger.runs.summary("r1").attempt == 1
