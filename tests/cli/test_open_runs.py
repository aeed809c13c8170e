"""Runs in progress and interrupted runs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from runner.cli.main import _run
from runner.model import Outcome, State
from runner.record.views import LEASE
from tests.cli.open_runs import acquire_lease, finish_run, start_run

if TYPE_CHECKING:
    from runner.record import Ledger


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_run_with_valid_lease_is_in_progress(ledger: Ledger) -> None:
    acquire_lease(ledger, "here")
    acquire_lease(ledger, "far", host="elsewhere")
    start_run(ledger, "here-1", "here")
    start_run(ledger, "far-1", "far")
    assert [run.interrupted for run in ledger.runs.list_unfinished()] == [None, None]


def test_run_without_valid_lease_is_interrupted(ledger: Ledger, dead_pid: int) -> None:
    acquire_lease(ledger, "late", host="elsewhere", minutes=3)
    acquire_lease(ledger, "killed", pid=dead_pid)
    acquire_lease(ledger, "left", minutes=1)
    ledger.leases.release("left")
    for name in ("late", "killed", "left"):
        start_run(ledger, f"{name}-1", name)
    found = {run.run: run.interrupted for run in ledger.runs.list_interrupted()}
    now = datetime.now(UTC)
    assert found.keys() == {"late-1", "killed-1", "left-1"}
    for run, minutes in (("late-1", 3), ("killed-1", 0), ("left-1", 1)):
        at = found[run]
        assert at is not None
        assert abs(now - at - timedelta(minutes=minutes)) < timedelta(seconds=20)


def test_new_run_without_process_is_not_interrupted(ledger: Ledger) -> None:
    start_run(ledger, "new", minutes=0)
    start_run(ledger, "old", minutes=1)
    assert [run.run for run in ledger.runs.list_interrupted()] == ["old"]
    assert timedelta(minutes=1) > LEASE


def test_finished_run_is_not_interrupted(ledger: Ledger) -> None:
    start_run(ledger, "r1", "gone")
    finish_run(ledger, "r1", Outcome.CHANGED)
    assert ledger.runs.summary("r1").interrupted is None
    assert ledger.runs.list_unfinished() == ()


@pytest.mark.parametrize("words", ["show", "show dead-1", "list runs"])
def test_interrupted_run_is_shown_with_resume_command(
    ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    acquire_lease(ledger, "dead", host="elsewhere", minutes=3)
    start_run(ledger, "dead-1", "dead", sites="acme-shop acme-docs")
    ledger.sites.started("dead-1", "acme-shop", datetime.now(UTC))
    assert _run(words.split()) == 0
    printed = capsys.readouterr()
    assert "interrupted" in printed.out
    assert "running" not in printed.out
    assert "interrupted 3 minutes ago; to resume it: sitecrew resume dead-1" in printed.out + printed.err
    if words.startswith("show"):
        assert "acme-docs (acme)  waiting" in printed.out
        assert "acme-shop (acme)  interrupted" in printed.out


def test_json_has_time_of_interruption(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    acquire_lease(ledger, "dead", host="elsewhere", minutes=3)
    acquire_lease(ledger, "alive")
    start_run(ledger, "dead-1", "dead")
    start_run(ledger, "alive-1", "alive", minutes=2)
    assert _run(["list", "runs", "--json"]) == 0
    alive, dead = json.loads(capsys.readouterr().out)
    assert (alive["run"], alive["state"], alive["interrupted"]) == ("alive-1", "running", None)
    assert (dead["run"], dead["state"], dead["outcome"]) == ("dead-1", "running", None)
    assert dead["interrupted"].endswith("Z")
    assert _run(["show", "dead-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interrupted"] == dead["interrupted"]


def test_cancelling_run_is_shown_as_such(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    acquire_lease(ledger, "alive")
    start_run(ledger, "alive-1", "alive")
    ledger.runs.set_state("alive-1", State.CANCELLING)
    assert _run(["list", "runs"]) == 0
    assert "cancelling" in capsys.readouterr().out
