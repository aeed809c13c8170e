"""Promise: a hostile host beside five good ones ends no command and changes nothing for them."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.shell import until
from tests.promises.evil_shell import JOB_MODES, MODES
from tests.promises.strangers_ground import EVIL, GOOD, Ground, grounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crew import Said

pytestmark = pytest.mark.fleet

MEMORY = 600 << 20
"""Bytes that a command may take; about 140 MB without a hostile host."""
NAMED = {"failed", "unreachable", "lost", "cancelled"}
"""Outcomes of a host that lies."""
WITHIN = 110.0
"""Seconds on a busy machine; the longest limit that follows from the settings, of a job joined, is 82."""
REPRESENTATIVE = {
    ("plan", "nonsense"),
    ("doctor", "unanswered"),
    ("run", "escapes"),
    ("serve", "nonsense"),
}
READING = {"plan", "doctor"}
"""They begin no job, so nothing can lie in one."""
COMMANDS = ("plan", "doctor", "run", "cancel", "undo", "resume", "serve")


@pytest.fixture(scope="module")
def hosts_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    yield from grounded(tmp_path_factory.mktemp("strangers") / "w")


@pytest.fixture
def ground(hosts_ground: Ground) -> Iterator[Ground]:
    hosts_ground.forget()
    yield hosts_ground
    hosts_ground.forget()


def plan(ground: Ground) -> None:
    said = ground.say("plan", "night", "--json", within=WITHIN)
    sites = {site["site"]: site for site in json.loads(said.out)["sites"]}
    for name in GOOD:
        assert [change["action"] for change in sites[name]["changes"]] == ["change"], sites[name]
        assert sites[name]["problems"] == []
    assert all(change["action"] == "unknown" for change in sites[EVIL]["changes"]), sites[EVIL]
    told = [*sites[EVIL]["problems"], *(change["why"] for change in sites[EVIL]["changes"])]
    assert any(told), sites[EVIL]
    assert said.code in {0, 3, 4}, said


def doctor(ground: Ground) -> None:
    said = ground.say("doctor", "--json", within=WITHIN)
    checks = json.loads(said.out)["checks"]
    for name in GOOD:
        about = [check for check in checks if check["about"] == name]
        assert any(check["finding"].startswith("connected as") for check in about)
        assert any(check["finding"] == "1 page as expected" for check in about)
        assert all(check["ok"] for check in about)
    assert any(not check["ok"] for check in checks if check["about"] == EVIL)
    assert said.code in {3, 4}, said


def run(ground: Ground) -> None:
    said = ground.run("run", "night", within=WITHIN)
    check_good(ground, "changed")
    check_evil(ground, said)


def resume(ground: Ground) -> None:
    ground.run("run", "night", within=WITHIN)
    said = ground.say("resume", "last", within=WITHIN)
    check_good(ground, "changed")
    check_evil(ground, said)


def cancel(ground: Ground) -> None:
    ground.renew()
    running = ground.start("run", "night", "--json")
    wait_for_good(running)
    said = ground.say("cancel", "last", within=WITHIN)
    ground.end(running, within=WITHIN)
    check_good(ground, "changed")
    outcome = ground.outcomes()[EVIL]
    assert outcome in NAMED
    assert said.code == (6 if outcome == "lost" else 0), said


def undo(ground: Ground) -> None:
    mode = (ground.evil / "mode").read_text()
    ground.lie("honest")
    assert ground.run("run", "night", within=WITHIN).code == 0
    ground.lie(mode)
    said = ground.say("undo", "last", "-y", within=WITHIN)
    shown = ground.outcomes()
    assert [shown.get(name) for name in GOOD] == ["undone"] * len(GOOD), said
    assert EVIL in said.err
    assert shown.get(EVIL) in {None, *NAMED}
    assert said.code != 0


def serve(ground: Ground) -> None:
    ground.renew()
    ground.window()
    serving = ground.start("serve")
    until(lambda: ended_runs(ground) == 2, "both clients' runs to end", seconds=WITHIN)
    serving.send_signal(signal.SIGTERM)
    said = ground.end(serving, within=WITHIN)
    assert said.code == 0, said
    outcomes = [outcome for name in runs(ground) for outcome in ground.outcomes(name).items()]
    assert dict(outcomes) | {EVIL: ""} == dict.fromkeys(GOOD, "changed") | {EVIL: ""}
    assert dict(outcomes)[EVIL] in NAMED


def check_good(ground: Ground, outcome: str) -> None:
    shown = ground.outcomes()
    assert [shown[name] for name in GOOD] == [outcome] * len(GOOD), shown


def check_evil(ground: Ground, said: Said) -> None:
    site = next(site for site in ground.show()["sites"] if site["site"] == EVIL)
    assert site["outcome"] in NAMED
    assert site["why"]
    assert said.code == {"failed": 3, "unreachable": 4, "lost": 6, "cancelled": 130}[site["outcome"]], said


def wait_for_good(running: subprocess.Popen[str]) -> None:
    """Read the events of a run until the five good sites have ended."""
    assert running.stdout is not None
    left = set(GOOD)
    for line in running.stdout:
        event = json.loads(line)
        if event["event"] == "site.finished":
            left.discard(event["site"])
        if not left:
            return
    raise AssertionError(f"the run ended before {left}")


def runs(ground: Ground) -> list[str]:
    return [run["run"] for run in listed(ground)]


def ended_runs(ground: Ground) -> int:
    return sum(run["outcome"] is not None for run in listed(ground))


def listed(ground: Ground) -> list[dict[str, str | None]]:
    said = ground.say("list", "runs", "--json", within=WITHIN)
    found: list[dict[str, str | None]] = json.loads(said.out)
    return found


CHECKS = {one.__name__: one for one in (plan, doctor, run, cancel, undo, resume, serve)}


@pytest.mark.parametrize(
    ("command", "mode"),
    [
        pytest.param(
            command,
            mode,
            marks=[] if (command, mode) in REPRESENTATIVE else [pytest.mark.long],
            id=f"{command}-{mode}",
        )
        for command in COMMANDS
        for mode in (*MODES, *(() if command in READING else JOB_MODES))
    ],
)
def test_the_good_five_are_done_and_the_hostile_one_is_named(ground: Ground, command: str, mode: str) -> None:
    ground.lie(mode)
    CHECKS[command](ground)
    assert ground.peak < MEMORY, f"{ground.peak >> 20} MB"
