"""`static.build` on the controller and on a real host."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from lab.shell import until
from runner.model import Outcome
from tests.crew import Crew, at_work, kill, work

SITE = "globex-docs"


@pytest.fixture
def crew(fresh_fleet, tmp_path):
    crew = Crew(fresh_fleet, tmp_path / "crew", "name: Empty\nsteps:\n  - shell: 'true'\n")
    (crew.folder / f"src/{SITE}").mkdir(parents=True)
    return crew


def build(crew, run, *, timeout="1m", more="", env=""):
    crew.playbook(
        "build",
        f"name: Build\nsteps:\n  - static.build:\n      run: |\n        {run}\n"
        f"      folder: src/{{site}}\n      env: {{{env}}}\n    timeout: {timeout}\n{more}",
    )


def did(crew):
    with at_work(crew) as session:
        ending = work(session, "build", SITE)
        [first, *_] = session.ledger.steps.output(session.ledger.runs.find("last"), SITE)
    return ending, first.output


def test_build_has_clean_environment_and_masked_secrets(crew, monkeypatch):
    monkeypatch.setenv("CREW_TOKEN", "canary-7f3a9c")
    monkeypatch.setenv("OTHER", "canary-other-1")
    build(crew, "mkdir -p public; env | tee public/env; cat", env="TOKEN: {env: CREW_TOKEN}, MODE: fast")
    ending, output = did(crew)
    assert ending.outcome is Outcome.OK, ending
    seen = (crew.folder / f"src/{SITE}/public/env").read_text()
    assert "TOKEN=canary-7f3a9c" in seen
    assert "MODE=fast" in seen
    assert f"SITECREW_SITE={SITE}" in seen
    assert "canary-other-1" not in seen
    assert "TOKEN=***" in output
    for file in (crew.folder / ".sitecrew").rglob("*"):
        assert not file.is_file() or b"canary-7f3a9c" not in file.read_bytes()


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ("echo no such page >&2; exit 7", "exit status 7"),
        ("echo fine", "is empty"),
        ("kill -9 $$", "killed by signal 9"),
    ],
)
def test_failed_build_gives_the_reason(crew, run, why):
    build(crew, run)
    ending, _ = did(crew)
    assert ending.outcome is Outcome.FAILED
    assert why in ending.why


def test_build_timeout_stops_all_child_processes(crew):
    build(crew, 'trap "" TERM; sleep 300 & echo $! >pids; echo $$ >>pids; wait; sleep 300', timeout="1s")
    ending, _ = did(crew)
    assert "took longer than its time limit" in ending.why
    assert_gone(crew)


def pids(crew):
    path = crew.folder / f"src/{SITE}/pids"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def assert_gone(crew):
    for pid in pids(crew):
        until(lambda pid=pid: not alive(pid), f"process {pid} to end")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def test_cancelling_the_run_stops_the_build(crew):
    build(crew, "sleep 300 & echo $! >pids; echo $$ >>pids; wait")
    with at_work(crew) as session:
        endings = []
        worker = threading.Thread(target=lambda: endings.append(work(session, "build", SITE)))
        worker.start()
        until(lambda: len(pids(crew)) == 2, "the build to start")
        started = time.monotonic()
        session.cancel(session.ledger.runs.find("last"))
        worker.join()
    assert time.monotonic() - started < 5
    assert endings[0].outcome is Outcome.CANCELLED
    assert_gone(crew)


def test_build_stops_if_controller_is_killed(crew):
    build(crew, "sleep 300 & echo $! >pids; echo $$ >>pids; wait")
    process = crew.start("run", "build", "-l", SITE)
    until(lambda: len(pids(crew)) == 2, "the build to start", seconds=20)
    kill(process)
    assert_gone(crew)


def test_build_on_host_is_released_from_host(crew):
    home, text = crew.fleet.spec.home("web3"), crew.fleet.sites[SITE].expect
    checkout = home / "checkout"
    checkout.mkdir()
    owner = home.stat()
    os.chown(checkout, owner.st_uid, owner.st_gid)
    crew.playbook(
        "build",
        "name: Build\nsteps:\n  - static.build:\n"
        "      run: mkdir -p 'public/a b'; echo 1 >'public/a b/ü'; "
        f"echo '<html>{text}' >public/index.html; exit 0\n"
        "      folder: checkout\n      where: host\n"
        "  - static.release: {adopt: true, force: true, exclude: [drafts]}\n",
    )
    ending, _ = did(crew)
    assert ending.outcome is Outcome.CHANGED, ending
    site = crew.fleet.sites[SITE].path
    assert site.is_symlink()
    assert (site / "a b/ü").read_text() == "1\n"
    assert sum(one.is_file() for one in site.rglob("*")) == 2

    crew.playbook(
        "build", (crew.folder / "playbooks/build.yaml").read_text().replace("exit 0", "rm -r public")
    )
    ending, _ = did(crew)
    assert ending.outcome is Outcome.FAILED
    assert "is empty" in ending.why
