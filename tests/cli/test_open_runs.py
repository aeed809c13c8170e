"""Which runs are in progress and which were interrupted, and what commands mean that name none."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.cli.main import _run
from runner.errors import UsageError
from runner.load import load_workspace
from runner.model import Outcome
from runner.record import Ledger
from runner.record.processes import process_start
from runner.record.views import LEASE

ROOT = Path(__file__).parents[2]
INVENTORY = """\
hosts:
  web1: {address: 127.0.0.1, port: 1, user: deploy}
clients:
  acme:
    name: Acme Bakery
    sites:
      shop: {url: "https://shop.acme.example", host: web1, path: /srv/shop, kind: static}
      docs: {url: "https://docs.acme.example", host: web1, path: /srv/docs, kind: static}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/nightly.yaml").write_text("name: Nightly\nsteps:\n  - shell: {run: 'true'}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ledger(workspace: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db") as opened:
        yield opened


def begin(
    ledger: Ledger, run: str, executor: str | None = None, *, minutes: int = 5, sites: str = "shop"
) -> None:
    ledger.begin_run(
        "{}",
        run=run,
        playbook="nightly",
        title="Nightly",
        sites=[(site, "acme", "web1", 0, n) for n, site in enumerate(sites.split())],
        steps=[("shell", "shell", "shell")],
        started=datetime.now(UTC) - timedelta(minutes=minutes),
        trigger="manual",
        executor=executor,
    )


def end(ledger: Ledger, run: str, outcome: Outcome, site: str = "shop") -> None:
    ledger.finish_site(run, site, outcome, "", datetime.now(UTC))
    ledger.finish_run(run, outcome, datetime.now(UTC))


def lease(ledger: Ledger, executor: str, *, host: str = "", minutes: float = 0, pid: int = 0) -> None:
    """The lease of this process, or of `pid`, last renewed so many minutes ago."""
    ledger.acquire_lease(
        executor,
        host=host or socket.gethostname(),
        pid=pid or os.getpid(),
        process_start=process_start(pid or os.getpid()) or "",
        at=datetime.now(UTC) - timedelta(minutes=minutes),
    )


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_run_whose_process_holds_its_lease_is_in_progress(ledger: Ledger) -> None:
    lease(ledger, "here")
    lease(ledger, "far", host="elsewhere")
    begin(ledger, "here-1", "here")
    begin(ledger, "far-1", "far")
    assert [run.interrupted for run in ledger.open_runs()] == [None, None]


def test_a_run_is_interrupted_when_its_process_has_ended(ledger: Ledger, dead_pid: int) -> None:
    lease(ledger, "late", host="elsewhere", minutes=3)
    lease(ledger, "killed", pid=dead_pid)
    lease(ledger, "left", minutes=1)
    ledger.release_lease("left")
    for name in ("late", "killed", "left"):
        begin(ledger, f"{name}-1", name)
    found = {run.run: run.interrupted for run in ledger.interrupted_runs()}
    now = datetime.now(UTC)
    assert found.keys() == {"late-1", "killed-1", "left-1"}
    for run, minutes in (("late-1", 3), ("killed-1", 0), ("left-1", 1)):
        at = found[run]
        assert at is not None
        assert abs(now - at - timedelta(minutes=minutes)) < timedelta(seconds=20)


def test_a_run_that_was_written_down_and_not_claimed_yet_is_no_interrupted_one(ledger: Ledger) -> None:
    begin(ledger, "new", minutes=0)
    begin(ledger, "old", minutes=1)
    assert [run.run for run in ledger.interrupted_runs()] == ["old"]
    assert timedelta(minutes=1) > LEASE


def test_an_ended_run_is_never_interrupted(ledger: Ledger) -> None:
    begin(ledger, "r1", "gone")
    end(ledger, "r1", Outcome.CHANGED)
    assert ledger.summary("r1").interrupted is None
    assert ledger.open_runs() == ()


@pytest.mark.parametrize("words", ["show", "show dead-1", "list runs"])
def test_an_interrupted_run_is_shown_as_one_with_what_to_type(
    ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lease(ledger, "dead", host="elsewhere", minutes=3)
    begin(ledger, "dead-1", "dead", sites="shop docs")
    ledger.begin_site("dead-1", "shop", datetime.now(UTC))
    assert _run(words.split()) == 0
    said = capsys.readouterr()
    assert "interrupted" in said.out
    assert "running" not in said.out
    assert "interrupted 3 minutes ago; to resume it: sitecrew resume dead-1" in said.out + said.err
    if words.startswith("show"):
        assert "docs (acme)  waiting" in said.out
        assert "shop (acme)  interrupted" in said.out


def test_programs_read_when_a_run_was_interrupted(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    lease(ledger, "dead", host="elsewhere", minutes=3)
    lease(ledger, "alive")
    begin(ledger, "dead-1", "dead")
    begin(ledger, "alive-1", "alive", minutes=2)
    assert _run(["list", "runs", "--json"]) == 0
    alive, dead = json.loads(capsys.readouterr().out)
    assert (alive["run"], alive["state"], alive["interrupted"]) == ("alive-1", "running", None)
    assert (dead["run"], dead["state"], dead["outcome"]) == ("dead-1", "running", None)
    assert dead["interrupted"].endswith("Z")
    assert _run(["show", "dead-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interrupted"] == dead["interrupted"]


def test_a_run_that_is_being_cancelled_is_shown_so(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    from runner.model import State

    lease(ledger, "alive")
    begin(ledger, "alive-1", "alive")
    ledger.set_state("alive-1", State.CANCELLING)
    assert _run(["list", "runs"]) == 0
    assert "cancelling" in capsys.readouterr().out


def refused(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert _run(shlex.split(words)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_cancel_without_a_run_takes_the_one_that_a_process_works_on(ledger: Ledger) -> None:
    from runner.cli.choice import run_to_cancel

    lease(ledger, "alive")
    begin(ledger, "busy", "alive", minutes=60)
    begin(ledger, "dead", "gone", minutes=30)
    begin(ledger, "newest", minutes=1)
    end(ledger, "newest", Outcome.CHANGED)
    assert run_to_cancel(ledger) == "busy"
    end(ledger, "busy", Outcome.OK)
    assert run_to_cancel(ledger) == "dead"


@pytest.mark.parametrize("words", ["cancel", "cancel newest", "cancel last"])
def test_cancel_of_nothing_is_a_mistake(
    ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(ledger, "newest", minutes=1)
    end(ledger, "newest", Outcome.CHANGED)
    assert "nothing to cancel" in refused(words, capsys)


def test_cancel_without_a_run_asks_which_where_several_are_in_progress(
    ledger: Ledger, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lease(ledger, "alive")
    begin(ledger, "one", "alive", minutes=60)
    begin(ledger, "two", "alive", minutes=30)
    begin(ledger, "dead", "gone", minutes=1)
    said = refused(f"-w {workspace} cancel --as Ann", capsys)
    assert "2 runs are in progress" in said
    assert f"sitecrew -w {workspace} cancel one --as Ann" in said
    assert f"sitecrew -w {workspace} cancel two --as Ann" in said
    assert "dead" not in said


def test_resume_without_a_run_takes_the_interrupted_one(ledger: Ledger) -> None:
    from runner.cli.choice import run_to_resume

    lease(ledger, "alive")
    begin(ledger, "left", minutes=90)
    end(ledger, "left", Outcome.UNREACHABLE)
    begin(ledger, "dead", "gone", minutes=60)
    begin(ledger, "busy", "alive", minutes=30)
    begin(ledger, "newest", minutes=1, sites="docs")
    end(ledger, "newest", Outcome.CHANGED, "docs")
    assert run_to_resume(ledger) == "dead"


def test_resume_without_a_run_takes_what_is_left_and_was_not_done_since(ledger: Ledger) -> None:
    from runner.cli.choice import run_to_resume

    begin(ledger, "superseded", minutes=90)
    end(ledger, "superseded", Outcome.UNREACHABLE)
    begin(ledger, "left", minutes=60)
    end(ledger, "left", Outcome.CANCELLED)
    begin(ledger, "newest", minutes=1, sites="docs")
    end(ledger, "newest", Outcome.CHANGED, "docs")
    begin(ledger, "locked", minutes=1)
    end(ledger, "locked", Outcome.SKIPPED)
    assert run_to_resume(ledger) == "left"
    begin(ledger, "again", minutes=0)
    end(ledger, "again", Outcome.FAILED)
    with pytest.raises(UsageError, match="no run was interrupted"):
        run_to_resume(ledger)


def test_resume_without_a_run_asks_which_where_several_were_interrupted(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(ledger, "one", "gone", minutes=60)
    begin(ledger, "two", "gone too", minutes=30)
    said = refused("resume -e word=secret", capsys)
    assert "2 runs are interrupted" in said
    assert "sitecrew resume one -e word=..." in said
    assert "secret" not in said


def test_resume_without_a_run_says_which_one_is_in_progress(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    lease(ledger, "alive")
    begin(ledger, "busy", "alive")
    assert "busy is in progress" in refused("resume", capsys)


@pytest.mark.parametrize(("limit", "named"), [("shop", True), ("docs", False)])
def test_doctor_and_run_name_what_was_interrupted_on_their_sites(
    ledger: Ledger,
    workspace: Path,
    limit: str,
    named: bool,  # noqa: FBT001
) -> None:
    begin(ledger, "dead-1", "gone", minutes=200)
    for words in (["doctor", "-l", limit], ["run", "nightly", "-l", limit, "-q"]):
        # a process of its own: a run leaves threads of its engine behind
        said = subprocess.run(
            [sys.executable, "-m", "runner", *words],
            cwd=workspace,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode != 0
        assert ("sitecrew resume dead-1" in said.stdout + said.stderr) is named
        assert ("interrupted 3 h" in said.stdout + said.stderr) is named


@pytest.mark.parametrize(("act", "found"), [("run", ("shop",)), ("undo", ())])
def test_a_site_whose_changes_were_undone_by_hand_has_not_failed(
    ledger: Ledger, act: str, found: tuple[str, ...]
) -> None:
    from runner.cli.selection import failed_sites

    ledger.begin_run(
        "{}",
        run="r1",
        playbook="undo",
        title="",
        sites=[("shop", "acme", "web1", 0, 0)],
        steps=[],
        started=datetime.now(UTC),
        trigger="manual",
        act=act,
    )
    end(ledger, "r1", Outcome.UNDONE)
    assert failed_sites(ledger) == found


@pytest.mark.parametrize("words", ["show ''", "undo '' -y", "cancel ''", "resume ' '", "logs '' shop"])
def test_an_empty_name_means_no_run(ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    lease(ledger, "alive")
    begin(ledger, "only", "alive")
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
def test_a_list_of_what_cannot_be_is_a_mistake(
    ledger: Ledger, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(ledger, "only")
    assert refused(words, capsys)


def test_a_former_playbook_still_has_its_runs(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    ledger.begin_run(
        "{}",
        run="r1",
        playbook="former",
        title="",
        sites=[("shop", "acme", "web1", 0, 0)],
        steps=[],
        started=datetime.now(UTC),
        trigger="manual",
    )
    assert _run(["list", "runs", "--playbook", "former", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run"] == "r1"
    assert _run(["list", "runs", "--playbook", "undo", "--json"]) == 0


def test_a_run_whose_site_means_another_website_now_is_not_resumed(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.recognise(load_workspace(workspace).inventory)
    begin(ledger, "r1")
    end(ledger, "r1", Outcome.UNREACHABLE)
    moved = INVENTORY.replace("shop.acme.example", "other.example").replace("/srv/shop", "/srv/other")
    (workspace / "inventory.yaml").write_text(moved)
    assert _run(["resume", "r1"]) == 2
    said = capsys.readouterr().err
    assert "run r1 cannot be resumed: shop is a different website now" in said
    assert "sitecrew show r1" in said
    assert ledger.summary("r1").attempt == 1
