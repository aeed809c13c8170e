"""Ctrl-C, `cancel` and concurrent runs: started jobs get an outcome, other sites are not started."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lab.proxy import Proxy
from lab.shell import until
from runner.errors import JobRefusedError
from runner.model import Outcome
from tests.crew import (
    Crew,
    again,
    at_work,
    check_host_is_clean,
    check_nobody_is_left,
    ended,
    forget_marks,
    marks,
    read_until,
    work,
)

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

WAITING = """\
name: Waiting
steps:
  - shell:
      run: basename "$PWD" >>"$HOME/marks"; until [ -e "$HOME/go" ]; do sleep 0.05; done
      changes: true
  - shell: {run: 'echo after >>"$HOME/marks"', changes: true}
"""
"""Its first step ends when a file `go` is created in the host's home."""
QUICK = 'name: Quick\nsteps:\n  - shell: {run: \'basename "$PWD" >>"$HOME/marks"\', changes: true}\n'
STATIC = "globex-docs"
TWO = "acme-blog,globex-www"
"""Two sites of one host."""


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path) -> Crew:
    for host in ("web2", "web3"):
        forget_marks(fresh_fleet, host)
    return Crew(fresh_fleet, tmp_path / "w", WAITING, QUICK)


def go(fleet: Fleet, host: str) -> None:
    (fleet.spec.home(host) / "go").touch()


def wait_for_mark(fleet: Fleet, host: str) -> None:
    until(lambda: bool(marks(fleet, host)), f"{host} to start")


def started(crew: Crew, sites: str, *more: str) -> subprocess.Popen[str]:
    process = crew.start("run", "waiting", "-l", sites, "--json", *more)
    read_until(process, "step.started")
    return process


def test_first_ctrl_c_finishes_sites_in_progress(crew: Crew) -> None:
    process = started(crew, TWO, "--forks", "1")
    process.send_signal(signal.SIGINT)
    read_until(process, "run.draining")
    go(crew.fleet, "web2")
    result = ended(process)
    assert result.code == 130
    outcomes = result.events[-1]["sites"]
    assert sorted(outcomes.values()) == ["cancelled", "changed"]
    assert marks(crew.fleet, "web2")["after"] == 1
    resumed = crew.say("resume", "--json")
    assert resumed.code == 0
    assert set(resumed.events[-1]["sites"].values()) == {"changed"}
    assert dict(marks(crew.fleet, "web2")) == {"acme-blog": 1, "globex-www": 1, "after": 2}


def test_second_ctrl_c_cancels_jobs(crew: Crew) -> None:
    process = started(crew, STATIC)
    wait_for_mark(crew.fleet, "web3")
    process.send_signal(signal.SIGINT)
    read_until(process, "run.draining")
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert result.code == 130
    assert result.events[-1]["sites"] == {STATIC: "cancelled"}
    assert [step["outcome"] for step in crew.site(STATIC)["steps"]] == ["cancelled", "cancelled"]
    check_host_is_clean(crew.fleet, "web3")
    check_nobody_is_left(crew.fleet, "web3")
    go(crew.fleet, "web3")
    assert crew.say("resume", "--json").code == 0
    assert dict(marks(crew.fleet, "web3")) == {STATIC: 2, "after": 1}


@pytest.mark.long
def test_cancel_from_another_process_waits_for_hosts(crew: Crew) -> None:
    process = started(crew, STATIC)
    wait_for_mark(crew.fleet, "web3")
    result = crew.say("cancel")
    assert result.code == 0
    assert "cancelled" in result.err
    assert crew.show()["outcome"] == "cancelled"
    assert ended(process).code == 130
    check_nobody_is_left(crew.fleet, "web3")
    assert "nothing to cancel" in crew.say("cancel").err


def test_cancel_stops_job_of_killed_process(crew: Crew) -> None:
    process = started(crew, STATIC)
    wait_for_mark(crew.fleet, "web3")
    process.kill()
    process.communicate()
    result = crew.say("cancel", "--json")
    assert result.code == 0, result
    assert crew.show()["outcome"] == "cancelled"
    assert dict(marks(crew.fleet, "web3")) == {STATIC: 1}
    check_nobody_is_left(crew.fleet, "web3")


def test_killed_run_is_interrupted_until_resumed(crew: Crew) -> None:
    process = started(crew, STATIC)
    wait_for_mark(crew.fleet, "web3")
    run = crew.show()["run"]
    assert "interrupted" not in crew.say("show").out
    process.kill()
    process.communicate()
    for words in (["show"], ["list", "runs"], ["doctor", "-l", STATIC]):
        result = crew.say(*words)
        assert "interrupted" in result.out, result
        assert f"sitecrew resume {run}" in result.out + result.err, result
    assert crew.show()["interrupted"] is not None
    go(crew.fleet, "web3")
    assert crew.say("resume", "-q").code == 0
    assert crew.show(run)["interrupted"] is None
    assert "interrupted" not in crew.say("list", "runs").out
    assert dict(marks(crew.fleet, "web3")) == {STATIC: 1, "after": 1}


def test_next_run_of_the_site_settles_killed_run(crew: Crew) -> None:
    process = started(crew, TWO, "--forks", "1")
    run = crew.show()["run"]
    process.kill()
    process.communicate()
    following = crew.start("run", "quick", "-l", "acme-blog")
    assert following.stderr is not None
    told = f"{run} was interrupted just now: finishing its jobs, starting no others"
    assert following.stderr.readline().strip() == told
    go(crew.fleet, "web2")
    assert ended(following).code == 0
    found = {site["site"]: (site["outcome"], site["why"]) for site in crew.show(run)["sites"]}
    assert found == {
        "acme-blog": ("changed", ""),
        "globex-www": ("cancelled", "the process that ran it ended before this site was started"),
    }
    assert dict(marks(crew.fleet, "web2")) == {"acme-blog": 2, "after": 1}


def test_tick_settles_killed_run(crew: Crew) -> None:
    process = started(crew, STATIC)
    process.kill()
    process.communicate()
    go(crew.fleet, "web3")
    ticked = crew.say("tick")
    assert ticked.code == 0, ticked
    assert "was interrupted: finishing its jobs on 1 site, starting no others" in ticked.err
    assert crew.show()["outcome"] == "changed"
    assert [act["act"] for act in crew.show()["acts"]] == ["run", "settle"]
    check_nobody_is_left(crew.fleet, "web3")


def test_site_locked_by_another_controller_is_skipped(crew: Crew, tmp_path: Path) -> None:
    process = started(crew, STATIC)
    other = Crew(crew.fleet, tmp_path / "other", QUICK)
    result = other.say("run", "quick", "-l", STATIC, "--json")
    assert result.code == 11, result
    assert result.events[-1]["sites"] == {STATIC: "skipped"}
    assert "waiting-" in other.site(STATIC)["why"]
    go(crew.fleet, "web3")
    assert ended(process).code == 0
    assert other.say("run", "quick", "-l", STATIC, "--json").code == 0
    assert dict(marks(crew.fleet, "web3")) == {STATIC: 2, "after": 1}


def test_two_runs_of_one_workspace_are_independent(crew: Crew) -> None:
    process = started(crew, STATIC)
    assert crew.say("run", "quick", "-l", "acme-blog", "--json").code == 0
    go(crew.fleet, "web3")
    assert ended(process).code == 0


def test_closed_window_misses_unstarted_sites(crew: Crew) -> None:
    with at_work(crew) as session:
        ending = work(session, "quick", STATIC, closes=datetime.now(UTC) - timedelta(seconds=1))
    assert ending.outcome is Outcome.MISSED
    assert not marks(crew.fleet, "web3")
    assert {step["outcome"] for step in crew.site(STATIC)["steps"]} == {"missed"}


def test_resume_runs_sites_that_window_missed(crew: Crew) -> None:
    with at_work(crew) as session:
        work(session, "quick", STATIC, closes=datetime.now(UTC) - timedelta(hours=3))
    result = crew.say("resume", "--json")
    assert result.code == 0, result
    assert result.events[-1]["sites"] == {STATIC: "changed"}
    assert marks(crew.fleet, "web3")[STATIC] == 1


def test_started_site_is_finished_after_window_closed(crew: Crew) -> None:
    """Its outcome is that of its job, not `missed`."""
    with at_work(crew) as session:
        emit = session.emit

        def die(event: str, *arguments: str | None, **data: object) -> None:
            if event == "step.started":
                raise KeyboardInterrupt
            emit(event, *arguments, **data)  # type: ignore[arg-type]

        session.emit = die  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            work(session, "waiting", STATIC, closes=datetime.now(UTC) + timedelta(seconds=1))
    wait_for_mark(crew.fleet, "web3")
    go(crew.fleet, "web3")
    closes = datetime.now(UTC) + timedelta(seconds=1)
    until(lambda: datetime.now(UTC) > closes, "the window to close")
    with at_work(crew) as session:
        assert again(session, STATIC).outcome is Outcome.CHANGED
    assert dict(marks(crew.fleet, "web3")) == {STATIC: 1, "after": 1}


def test_missing_secret_fails_site_before_any_job(crew: Crew) -> None:
    crew.playbook(
        "secret",
        "name: Secret\nsteps:\n  - shell: {run: echo x >>~/marks, env: {KEY: {env: NO_SUCH_KEY}}}\n",
    )
    result = crew.say("run", "secret", "-l", STATIC, "--json")
    assert result.code == 3, result
    assert "NO_SUCH_KEY" in crew.site(STATIC)["why"]
    assert not marks(crew.fleet, "web3")


def test_refused_job_fails_site(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    """No job was started, so the site is not lost."""

    def refuse(*_: object, **__: object) -> None:
        raise JobRefusedError("web3: the host refused the job: the disk is full")

    monkeypatch.setattr("runner.hosts.remote.run_job", refuse)
    with at_work(crew) as session:
        ending = work(session, "quick", STATIC)
    assert ending.outcome is Outcome.FAILED
    assert "disk is full" in ending.why


def test_cancel_that_its_host_does_not_confirm_is_asked_again(crew: Crew) -> None:
    host = crew.fleet.hosts["web3"]
    with Proxy((host.address, host.port)) as proxy:
        port = proxy.port
        crew.move_host("web3", port)
        process = started(crew, STATIC)
        wait_for_mark(crew.fleet, "web3")
        run = crew.show()["run"]
        process.kill()
        process.communicate()
    result = crew.say("cancel")
    assert result.code == 6, result
    assert f"to ask now: sitecrew cancel {run}" in result.err
    assert (crew.show()["state"], crew.show()["outcome"]) == ("cancelling", None)
    assert "cancelling" in crew.say("list", "runs").out
    assert "not every host has confirmed" in crew.say("show").out
    with Proxy((host.address, host.port), port=port):
        assert crew.say("tick").code == 0
    assert crew.show()["outcome"] == "cancelled"
    assert dict(marks(crew.fleet, "web3")) == {STATIC: 1}
    check_nobody_is_left(crew.fleet, "web3")
