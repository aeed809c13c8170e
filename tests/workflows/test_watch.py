"""Problems of the scheduler and its files: the crew is notified if they last, also without a ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab.shell import until
from runner.errors import LedgerError
from runner.load import load_workspace
from runner.notify import files_notice, scheduler_notice
from runner.record import DeliveryKind, DeliveryState, Ledger
from runner.workflows import heartbeat as module
from runner.workflows.heartbeat import Heartbeat
from runner.workflows.notices import CrewNotifier
from runner.workflows.reload import WorkspaceFiles
from runner.workflows.scheduler import Health, Problem
from runner.workflows.watch import CrewWatch, LastingProblem
from tests.web.hostile import Hostile, page
from tests.workflows.scheduling import scheduler, write

ROOT = Path(__file__).parents[2]
NOW = datetime(2027, 1, 5, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOWS = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'


@pytest.fixture
def server() -> Iterator[Hostile]:
    found = Hostile()
    yield found
    found.close()


@pytest.fixture
def folder(tmp_path: Path, server: Hostile) -> Path:
    crew = (
        f"{{webhooks: {{chat: {{url: '{server.url}/hook', preset: slack}}}}, heartbeat: '{server.url}/beat'}}"
    )
    (tmp_path / "sitecrew.yaml").write_text(f"crew: {crew}\n")
    return write(tmp_path, WINDOWS)


@pytest.mark.parametrize("notice", [files_notice, scheduler_notice])
def test_lasting_problem_is_notified_once_and_when_it_ends(notice: Callable):
    problem = LastingProblem(notice, 5 * MINUTE)
    assert problem.observe("", NOW) is None
    assert problem.observe("broken", NOW) is None
    assert problem.observe("broken", NOW + 4 * MINUTE) is None
    found = problem.observe("still broken", NOW + 5 * MINUTE)
    assert found
    assert (found.items[0].text, found.good) == ("still broken", False)
    assert problem.observe("broken", NOW + 60 * MINUTE) is None
    ended = problem.observe("", NOW + 61 * MINUTE)
    assert ended
    assert ended.good
    assert problem.observe("", NOW + 62 * MINUTE) is None


def test_short_problem_is_not_notified_and_a_final_one_at_once():
    problem = LastingProblem(scheduler_notice, 5 * MINUTE)
    assert problem.observe("busy", NOW) is None
    assert problem.observe("", NOW + MINUTE) is None
    assert problem.observe("died", NOW + 2 * MINUTE, final=True)


class Watching:
    """A watch over a scheduler whose problem the test sets."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        files = WorkspaceFiles(load_workspace(folder, environ={}))
        self.problem: Problem | None = None
        self.shown: list[str] = []
        health = type("Health", (), {"scheduler_problem": lambda _: self.problem})()
        self.watch = CrewWatch(CrewNotifier(ledger, lambda: files.last), files, health)

    def turn(self) -> None:
        self.watch.turn(lambda delivery: self.shown.append(f"{delivery.state}"))


def test_final_problem_is_queued_and_sent(folder: Path, server: Hostile):
    with scheduler(folder) as process:
        watching = Watching(folder, process.ledger)
        watching.problem = Problem("the scheduler's thread has died", final=True)
        watching.turn()
        watching.turn()
        assert (watching.shown, server.asked) == (["sent"], ["/hook"])
        [view] = process.ledger.deliveries.list(kind=DeliveryKind.NOTICE)
        assert view.state is DeliveryState.SENT


def test_notice_is_sent_directly_if_the_ledger_is_closed_to_writing(folder: Path, server: Hostile):
    with scheduler(folder) as process:
        url = process.session.workspace.settings.ledger
        with Ledger.open(url, read_only=True) as full:
            with pytest.raises(LedgerError):
                full.notices.queue([], NOW)
            watching = Watching(folder, full)
            watching.problem = Problem("the disk is full", final=True)
            watching.turn()
            watching.problem = None
            watching.turn()
        assert server.asked == ["/hook"]
        assert process.ledger.deliveries.list() == ()


def test_heartbeat_follows_successful_ticks_of_a_holder_of_the_lease(folder: Path, server: Hostile):
    with scheduler(folder) as process:
        health = Health(process.session, process.scheduler)
        health.heartbeat = Heartbeat(lambda: process.session.workspace)
        health.report(LedgerError("full"))
        process.session.ledger_trouble = LedgerError("full")
        health.report(None)
        process.session.ledger_trouble = None
        assert server.asked == []
        health.report(None)
        until(lambda: server.asked == ["/beat"], "the heartbeat", seconds=20)
        health.report(None)
        process.session.lease_lost.set()
        health.report(None)
        assert server.asked == ["/beat"]


def test_heartbeat_is_silent_without_ticks_and_shows_repeated_failures(
    folder: Path, server: Hostile, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_INTERVAL", 0.0)
    workspace = load_workspace(folder, environ={})
    server.plays["/beat"] = page(b"no", status=b"500 Oops")
    beating = Heartbeat(lambda: workspace)
    for number in range(1, 4):
        assert beating.problem == ""
        beating.ticked()
        until(lambda number=number: beating._failures == number, "a failure", seconds=20)
    assert beating.problem == "the heartbeat failed 3 times: 500 no"
    server.plays["/beat"] = page(b"ok")
    beating.ticked()
    until(lambda: not beating.problem, "the heartbeat to work again", seconds=20)
    assert len(server.asked) == 4


def test_tick_notifies_of_its_windows_and_beats(folder: Path, server: Hostile):
    just_now = datetime.now(UTC) - timedelta(seconds=30)
    write(folder, f'  nightly: {{playbook: hello, day: daily, at: "{just_now:%H:%M}", lasts: 1h}}\n')
    done = subprocess.run(
        [sys.executable, "-m", "runner", "tick"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "notice to chat: sent: 200 hello" in done.stderr
    assert server.asked == ["/hook", "/beat"]
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        [view] = ledger.deliveries.list(kind=DeliveryKind.NOTICE)
    assert view.subject.endswith(": 0 of 1 site OK, 1 unreachable")
