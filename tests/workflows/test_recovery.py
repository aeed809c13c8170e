"""Runs whose process has ended: windows' runs are resumed, others settled, cancelled ones cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from runner.model import Outcome, State
from runner.plan import select
from runner.record.views import LEASE
from runner.workflows.orders import new_order
from runner.workflows.recovery import Recovery
from runner.workflows.run import begin
from tests.workflows.scheduling import SchedulerProcess, at, scheduler, write

ROOT = Path(__file__).parents[2]
WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
TUESDAY = at("2027-01-05 02:00")
MINUTE = timedelta(minutes=1)

BEGIN_AND_DIE = """\
import os, signal, sys
from pathlib import Path
from tests.workflows.scheduling import SchedulerProcess, at
from tests.workflows.test_recovery import begin_run
one = SchedulerProcess(Path(sys.argv[1]))
if sys.argv[2] == "window":
    one.tick(at("2027-01-05 02:00"))
else:
    for number in range(int(sys.argv[3])):
        begin_run(one, f"hello-{number}", sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""


def begin_run(one: SchedulerProcess, run: str, trigger: str) -> None:
    """Record a run of this process on all sites."""
    workspace = one.session.workspace
    sites = select(workspace.inventory, ())
    order = new_order(workspace, workspace.playbooks["hello"], [sites], now=one.session.now(), run=run)
    assert begin(one.session, order, trigger=trigger)


def killed(folder: Path, trigger: str, runs: int = 1) -> None:
    """Start runs in a process that is killed."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN_AND_DIE, str(folder), trigger, str(runs)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def folder(tmp_path: Path, ledger_setting: str) -> Path:
    (tmp_path / "sitecrew.yaml").write_text(ledger_setting)
    return write(tmp_path, WEEKLY, 2)


@pytest.mark.both_databases
@pytest.mark.parametrize("trigger", ["manual", "exec"])
def test_run_by_hand_is_settled(folder: Path, trigger: str):
    killed(folder, trigger)
    with scheduler(folder) as one:
        assert one.tick(TUESDAY - MINUTE) == ()
        assert one.works.in_hand == {"hello-0"}
        stop = one.session.stop("hello-0")
        assert (stop.is_settling, stop.cancelled) == (True, False)
        assert [act.act for act in one.ledger.runs.show("hello-0").acts][-1] == "settle"
        assert one.tick(TUESDAY - MINUTE) == ()


def test_run_of_window_is_resumed(folder: Path):
    killed(folder, "window")
    with scheduler(folder) as one:
        found = one.tick(TUESDAY + MINUTE)
        assert set(found) == {"weekly-20270105-0200-c0", "weekly-20270105-0200-c1"}
        assert not any(one.session.stop(run).asked.is_set() for run in found)


@pytest.mark.both_databases
@pytest.mark.parametrize("trigger", ["manual", "window"])
def test_cancelling_run_is_cancelled_not_continued(folder: Path, trigger: str):
    killed(folder, trigger)
    run = "hello-0" if trigger == "manual" else "weekly-20270105-0200-c0"
    with scheduler(folder) as one:
        one.ledger.runs.set_state(run, State.CANCELLING)
        assert run not in one.tick(TUESDAY + MINUTE)
        assert run in one.works.in_hand
        assert one.session.stop(run).cancelled
        assert one.ledger.runs.state(run) is State.CANCELLING


def test_settled_run_keeps_outcomes_of_finished_sites(folder: Path):
    killed(folder, "manual")
    with scheduler(folder) as one:
        sites = one.ledger.sites
        sites.finished("hello-0", "c0-site", Outcome.UNREACHABLE, "no route to host", TUESDAY)
        one.tick(TUESDAY)
        found = {row.site: (row.outcome, row.why) for row in sites.list("hello-0")}
        assert found == {"c0-site": (Outcome.UNREACHABLE, "no route to host"), "c1-site": (None, "")}


def test_run_of_living_process_is_left_alone(folder: Path):
    with scheduler(folder) as owner, scheduler(folder) as other:
        begin_run(owner, "hello-0", "manual")
        owner.works.in_hand.add("hello-0")
        assert other.tick(TUESDAY - MINUTE) == ()
        assert other.works.in_hand == set()


def test_clock_of_living_process_does_not_matter_on_its_machine(folder: Path):
    with scheduler(folder) as owner, scheduler(folder) as other:
        begin_run(owner, "hello-0", "manual")
        later = owner.session.now() + timedelta(hours=1)
        assert not other.ledger.runs.claim("hello-0", other.session.executor, at=later)
        assert not other.ledger.runs.claim(
            "hello-0", other.session.executor, at=later - 2 * timedelta(hours=1)
        )


@pytest.mark.both_databases
def test_process_of_another_machine_loses_its_lease_with_its_run(folder: Path):
    with scheduler(folder) as owner, scheduler(folder) as other:
        begin_run(owner, "hello-0", "manual")
        now = owner.session.now()
        me = owner.session.executor
        owner.ledger.leases.acquire(me, host="elsewhere", pid=1, process_start="1", at=now)
        assert not other.ledger.runs.claim("hello-0", other.session.executor, at=now + LEASE)
        assert other.ledger.runs.claim("hello-0", other.session.executor, at=now + 2 * LEASE)
        assert not owner.ledger.leases.renew(me)


def test_failed_run_is_taken_up_again_after_a_minute(folder: Path, monkeypatch: pytest.MonkeyPatch):
    with scheduler(folder) as one:
        begin_run(one, "hello-0", "manual")
        recovery = Recovery(one.session, lambda _: False)
        assert recovery.take_over() == ()
        monkeypatch.setattr("runner.workflows.recovery._RETRY_AFTER", 0.0)
        (found,) = recovery.take_over()
        assert (found.run, found.resumed) == ("hello-0", False)


@pytest.mark.long
def test_thousand_runs_are_taken_over_within_15_seconds(folder: Path):
    killed(folder, "manual", 1000)
    with scheduler(folder) as one:
        started = time.monotonic()
        found = one.scheduler.recover_runs()
        assert time.monotonic() - started < 15
        assert len(found) == 1000
        assert len(set(found)) == 1000
