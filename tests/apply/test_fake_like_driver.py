"""The fake host runs jobs as the driver does: each job is run by both, and the events are compared."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runner.execute import Command, CommandEnded, Control, Event, Job, Lock, Restore, Started
from runner.execute.journal import Journal
from runner.hosts.fake_job import Answer, FakeJob

BAD, GOOD = "exit 3", ":"
TEXTS = {GOOD: Answer(), BAD: Answer(3), "echo hello": Answer(0, "hello\n")}
ID = "0123456789abcdef0123456789abcdef"


def job(*texts: str, **more: object) -> Job:
    """A job of these texts; `go:` or `always:` before a text is its policy."""
    commands = [_command(f"c{number}", text) for number, text in enumerate(texts)]
    return Job(ID, tuple(commands), **more)


def _command(name: str, text: str) -> Command:
    policy, colon, rest = text.partition("|")
    return Command(name, rest if colon else text, policy=policy if colon else "stop")


KEEP, UNDO = (_command("k0", GOOD),), (_command("u0", BAD), _command("u1", GOOD))
WAITING = {"wait": 1, "keep": KEEP, "undo": UNDO, "cleanup": GOOD}
JOBS = {
    "all succeed": (job(GOOD, "echo hello"), ""),
    "stopped by a failure": (job(GOOD, BAD, GOOD, cleanup=GOOD), ""),
    "failure that lets go on": (job("go|exit 3", GOOD), ""),
    "always after a failure": (job(BAD, "always|echo hello", GOOD), ""),
    "always that fails": (job("always|exit 3", GOOD), ""),
    "kept": (job(GOOD, **WAITING), "keep"),
    "undone": (job(GOOD, **WAITING), "undo"),
    "cancelled while waiting": (job(GOOD, **WAITING), "cancel"),
    "failed before waiting": (job(BAD, GOOD, **WAITING), ""),
    "kept by the host": (job(GOOD, check=GOOD, **WAITING), ""),
    "undone by the host": (job(GOOD, check=BAD, **WAITING), ""),
    "keep that fails": (
        job(GOOD, **{**WAITING, "keep": (_command("k0", BAD), _command("k1", GOOD))}),
        "keep",
    ),
    "lock": (job(GOOD, lock=Lock("/tmp", "run/site"), cleanup=GOOD), ""),
    "nosite": (job(GOOD, lock=Lock("/no/such/folder", "run/site"), **WAITING), ""),
    "public": (job(GOOD, restore=Restore("run", "site", ("/",)), **WAITING), ""),
    "undo that lets fail": (job(GOOD, **{**WAITING, "undo": (_command("u0", "go|exit 3"),)}), "undo"),
}


def by_driver(folder: Path, sent: Job, verdict: str) -> list[Event]:
    """Run the job's text by a shell, as the driver's exec does, with the verdict there from the start."""
    home = folder / "jobs" / sent.id
    home.mkdir(parents=True)
    if verdict:
        (home / "verdict").write_text(f"{verdict}\n")
    body = home / "b.1"
    body.write_text(sent.body())
    subprocess.run(
        ["/bin/sh", body, home, "/bin/sh"],
        check=True,
        capture_output=True,
        timeout=30,
        env={**os.environ, "HOME": str(folder)},
    )
    return Journal(sent.nonce, known=sent.command_ids).read((home / "events").read_bytes())


def by_fake(sent: Job, verdict: str, refused: str) -> list[Event]:
    """Run the job on the fake host."""
    fake = FakeJob(sent, lambda command: TEXTS[command.text], refused=refused)
    while not fake.ended:
        fake.advance()
        if fake.is_waiting and verdict == "cancel":
            fake.control = Control()
            fake.control.cancel()
        elif fake.is_waiting:
            fake.verdict = verdict
    return fake.events


def plain(event: Event) -> Event:
    """The event without what differs from run to run."""
    if isinstance(event, Started):
        return Started(0)
    return replace(event, seconds=0.0) if isinstance(event, CommandEnded) else event


@pytest.mark.parametrize("name", JOBS)
def test_fake_and_driver_write_the_same_events(tmp_path, name):
    sent, verdict = JOBS[name]
    refused = name if name in {"public", "nosite"} else ""
    assert [*map(plain, by_fake(sent, verdict, refused))] == [*map(plain, by_driver(tmp_path, sent, verdict))]
