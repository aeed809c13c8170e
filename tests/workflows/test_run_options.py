"""Options of steps and of `run`: tags, `when`, retries, time limits, --start-at, --confirm, @failed."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.crew import ROOT, Crew, check_host_is_clean, ended, forget_marks, kill, marks, read_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, HOST = "globex-docs", "web3"
THIRD_TIME = 'echo try >>"$HOME/marks"; [ "$(grep -c try "$HOME/marks")" -ge 3 ]'
STUBBORN = f"""\
name: Stubborn
steps:
  - shell: 'echo first >>"$HOME/marks"'
  - shell: {{run: '{THIRD_TIME}', changes: true}}
    retries: 3
  - shell: 'echo last >>"$HOME/marks"'
"""
ONCE = Counter({"first": 1, "try": 3, "last": 1})
LETTERS = """\
name: Letters
steps:
  - shell: 'echo a >>"$HOME/marks"'
    tags: [early]
  - shell: 'echo b >>"$HOME/marks"'
    name: The second
    tags: [early, late]
  - shell: 'echo c >>"$HOME/marks"'
    tags: late
  - shell: 'echo d >>"$HOME/marks"'
    when: kind:wordpress
"""


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    forget_marks(fleet, HOST)
    yield Crew(fleet, tmp_path, STUBBORN, LETTERS)
    forget_marks(fleet, HOST)


def outcomes(crew: Crew, site: str = SITE) -> dict[str, str]:
    return {step["step"]: step["outcome"] for step in crew.site(site)["steps"]}


def whys(crew: Crew) -> dict[str, str]:
    return {step["step"]: step["why"] for step in crew.site(SITE)["steps"]}


def test_only_failed_step_is_retried(crew: Crew) -> None:
    result = crew.say("run", "stubborn", "-l", SITE, "--json")
    assert result.code == 0, result
    assert marks(crew.fleet, HOST) == ONCE
    assert outcomes(crew) == {"shell": "ok", "shell-2": "changed", "shell-3": "ok"}
    assert whys(crew)["shell-2"] == "on try 3 of 4"
    events = [event for event in result.events if event["event"] == "step.retried"]
    assert [(event["try"], event["of"], event["why"]) for event in events] == [
        (1, 4, "exit status 1"),
        (2, 4, "exit status 1"),
    ]
    jobs = [event["job"] for event in result.events if event["event"] == "segment.started"]
    assert len(jobs) == len(set(jobs)) == 5
    check_host_is_clean(crew.fleet, HOST)


def test_step_that_always_fails_is_failed(crew: Crew) -> None:
    crew.edit("playbooks/stubborn.yaml", "retries: 3", "retries: 1")
    result = crew.say("run", "stubborn", "-l", SITE)
    assert result.code == 3, result
    assert marks(crew.fleet, HOST) == Counter({"first": 1, "try": 2})
    assert outcomes(crew) == {"shell": "ok", "shell-2": "failed", "shell-3": "skipped"}
    assert whys(crew)["shell-2"] == "exit status 1; tried 2 times"
    assert "failed (exit status 1); retrying in 1 s, try 2 of 2" in result.err


@pytest.mark.long
def test_failed_probe_is_retried(crew: Crew) -> None:
    crew.playbook("look", "name: Look\nsteps:\n  - probe.http: {expect: not there}\n    retries: 1\n")
    result = crew.say("run", "look", "-l", SITE, "--json")
    assert result.code == 3, result
    assert whys(crew)["probe.http"].endswith("; tried 2 times")
    assert sum(event["event"] == "look.taken" for event in result.events) == 2


@pytest.mark.parametrize(
    "step", ["static.release: {from: dist, adopt: true}", "files.sync: {from: dist, to: more}"]
)
def test_failed_upload_is_retried_after_wait(crew: Crew, step: str) -> None:
    crew.playbook("send", f"name: Send\nsteps:\n  - {step}\n    retries: 1\n")
    result = crew.say("run", "send", "-l", SITE, "--json")
    assert result.code == 3, result
    [retried] = [event for event in result.events if event["event"] == "step.retried"]
    assert (retried["try"], retried["of"], retried["seconds"]) == (1, 2, 1.0)
    assert "dist" in retried["why"]
    assert whys(crew)[retried["step"]].endswith("; tried 2 times")


def test_upload_succeeds_on_second_try(crew: Crew) -> None:
    crew.playbook("send", "name: Send\nsteps:\n  - files.sync: {from: dist, to: more}\n    retries: 3\n")
    process = crew.start("run", "send", "-l", SITE, "--json")
    read_until(process, "step.retried")
    (crew.folder / "new").mkdir()
    (crew.folder / "new/a.txt").write_text("a")
    (crew.folder / "new").rename(crew.folder / "dist")
    result = ended(process)
    assert result.code == 0, result
    assert whys(crew)["files.sync"].endswith("on try 2 of 4")
    assert (crew.fleet.sites[SITE].path / "more/a.txt").read_text() == "a"


@pytest.mark.parametrize(
    "number",
    [pytest.param(number, marks=[] if number == 9 else [pytest.mark.long]) for number in range(4, 15)],
)
def test_kill_at_any_event_keeps_number_of_tries(crew: Crew, number: int) -> None:
    """Kill the process at events around the tries of the second step: each try runs once."""
    dead = crew.say(
        str(number), "event", "run", "stubborn", "-l", SITE, "--json", module="tests.promises.dying"
    )
    assert dead.code == -9, dead
    result = crew.say("resume", "last", "--json")
    assert result.code == 0, result
    assert marks(crew.fleet, HOST) == ONCE
    assert outcomes(crew) == {"shell": "ok", "shell-2": "changed", "shell-3": "ok"}
    assert whys(crew)["shell-2"] == "on try 3 of 4"
    check_host_is_clean(crew.fleet, HOST)


def test_cancel_ends_wait_between_tries(crew: Crew) -> None:
    crew.edit("playbooks/stubborn.yaml", "-ge 3", "-ge 9")
    process = crew.start("run", "stubborn", "-l", SITE, "--json")
    for _ in range(3):
        read_until(process, "step.retried")
    process.send_signal(2)
    read_until(process, "run.draining")
    process.send_signal(2)
    assert ended(process).code == 130
    assert whys(crew)["shell-2"] == "the run was cancelled between two tries"
    crew.say("resume", "last")
    assert whys(crew)["shell-2"] == "exit status 1; tried 4 times"
    assert marks(crew.fleet, HOST) == Counter({"first": 1, "try": 4})


def test_step_over_its_time_limit_fails(crew: Crew) -> None:
    crew.playbook("slow", "name: Slow\nsteps:\n  - shell: sleep 60\n    timeout: 1s\n  - shell: 'true'\n")
    assert crew.say("run", "slow", "-l", SITE).code == 3
    assert outcomes(crew) == {"shell": "failed", "shell-2": "skipped"}
    assert re.match(r"took longer than its time limit; stopped after \d s", whys(crew)["shell"])


def test_on_failure_continue_runs_rest_and_site_fails(crew: Crew) -> None:
    crew.playbook(
        "on",
        "name: On\nsteps:\n  - shell: exit 7\n    on_failure: continue\n  - shell: 'true'\n  - probe.http\n",
    )
    result = crew.say("run", "on", "-l", SITE)
    assert result.code == 3, result
    assert outcomes(crew) == {"shell": "failed", "shell-2": "ok", "probe.http": "ok"}
    assert crew.site(SITE)["outcome"] == "failed"


@pytest.mark.parametrize(
    ("asked", "letters", "skipped"),
    [
        ((), "abc", {"shell-4": "only for kind:wordpress"}),
        (("-t", "early"), "ab", {"shell-3": "has none of the tags early"}),
        (("--skip-tags", "early"), "c", {"shell": "has the skipped tag early"}),
        (("--start-at", "shell-2"), "bc", {"shell": "before shell-2"}),
        (("--start-at", "The second", "-t", "late"), "bc", {"shell": "before shell-2"}),
        (("--confirm", "-y"), "abc", {}),
    ],
    ids=["all", "tags", "skip-tags", "start-at", "by name", "confirm, answered"],
)
def test_options_select_steps(
    crew: Crew, asked: tuple[str, ...], letters: str, skipped: dict[str, str]
) -> None:
    assert crew.say("run", "letters", "-l", SITE, *asked).code == 0
    assert marks(crew.fleet, HOST) == Counter(letters)
    assert skipped.items() <= whys(crew).items()


def test_resumed_run_keeps_start_at(crew: Crew) -> None:
    process = crew.start("run", "letters", "-l", SITE, "--start-at", "shell-2", "--json")
    read_until(process, "site.started")
    kill(process)
    assert crew.say("resume", "last").code == 0
    assert marks(crew.fleet, HOST) == Counter("bc")


def typed(crew: Crew, answers: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal; each question is answered with the next character, `^` is Ctrl-C."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", *arguments],
        cwd=crew.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    screen, waiting, deadline = "", list(answers), time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            screen += os.read(master, 4096).decode()
        except OSError:
            break
        if screen.endswith("uit: "):
            answer = waiting.pop(0)
            if answer == "^":
                process.send_signal(2)
            else:
                os.write(master, f"{answer}\n".encode())
    os.close(master)
    return process.wait(10), screen


@pytest.mark.parametrize(
    ("answers", "letters", "code"),
    [("yny", "ac", 0), ("na", "bc", 0), ("yq", "a", 130), ("y?^", "a", 130)],
    ids=["no", "all that follow", "quit", "Ctrl-C"],
)
def test_confirm_asks_before_each_step(crew: Crew, answers: str, letters: str, code: int) -> None:
    ended_with, screen = typed(crew, answers, "run", "letters", "-l", SITE, "--confirm")
    assert ended_with == code, screen
    assert marks(crew.fleet, HOST) == Counter(letters)
    assert "shell-2 (The second)? [y]es, [n]o, [a]ll remaining, [q]uit: " in screen


def test_failed_selects_failed_sites_of_last_run(crew: Crew) -> None:
    crew.playbook("half", "name: Half\nsteps:\n  - shell: {run: '[ -e wp-includes ]', changes: true}\n")
    first = crew.say("run", "half", "-f", "2", "--json")
    assert first.code == 3, first
    events: list[dict[str, Any]] = first.events
    assert {site: outcome for site, outcome in events[-1]["sites"].items() if outcome == "failed"} == {
        SITE: "failed"
    }
    again = crew.say("run", "half", "-l", "@failed", "--json")
    assert list(again.events[-1]["sites"]) == [SITE]
    crew.playbook("half", "name: Half\nsteps:\n  - shell: 'true'\n")
    assert crew.say("run", "half", "-l", "@failed").code == 0
    nobody = crew.say("run", "half", "-l", "@failed")
    assert (nobody.code, nobody.err.splitlines()[0]) == (
        2,
        "error: no site failed, was unreachable, lost or undone in the last run",
    )


def test_diff_without_check_is_refused(crew: Crew) -> None:
    result = crew.say("run", "stubborn", "-l", SITE, "-D")
    assert (result.code, marks(crew.fleet, HOST)) == (2, Counter()), result
    assert "--diff has no effect without --check" in result.err


def test_diff_also_shows_skipped_items(crew: Crew) -> None:
    crew.playbook(
        "core", "name: Core\nsteps:\n  - wordpress.plugins: {update: none, except: [harbour-forms]}\n"
    )
    bare, full = (crew.say("run", "core", "-l", "acme-shop", "-C", *flag) for flag in ((), ("-D",)))
    assert (bare.code, full.code) == (0, 0), full
    assert len(full.out.splitlines()) >= len(bare.out.splitlines())
