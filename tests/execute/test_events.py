from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.execute import UNSEEN
from runner.execute.events import CommandEnded, CommandOutput, CommandSkipped, CommandStarted, Decided, Ended
from runner.execute.journal import Journal
from runner.execute.statuses import Decider, Decision, JobStatus, Why

NONCE = "cd" * 16


def frame(words: str) -> bytes:
    return f"\x1e{NONCE} {words}\n".encode()


FILE = (
    frame("job 77")
    + frame("begin a")
    + b"one\ntwo"
    + frame("stderr a")
    + b"oh"
    + frame("end a 3 1500 -")
    + b"from a child in the background"
    + frame("skip b failed")
    + frame("awaiting 30")
    + frame("decided undo deadman")
    + frame("decided undo died")
    + frame("bye undone 1")
    + frame("bye ok 9")
)


@given(st.integers(0, len(FILE)))
def test_a_journal_can_be_split_at_any_byte(cut):
    journal = Journal(NONCE)
    events = journal.read(FILE[:cut]) + journal.read(FILE[cut:])
    assert journal.offset == len(FILE)
    assert journal.ended == Ended("undone", 1)
    assert journal.decided == Decided("undo", "deadman")
    assert journal.awaiting is None
    command = journal.commands()["a"]
    assert (command.code, command.seconds, command.output, command.error, command.size) == (
        3,
        1.5,
        b"one\ntwo",
        b"oh",
        7,
    )
    assert [
        event for event in events if isinstance(event, CommandStarted | CommandEnded | CommandSkipped)
    ] == [
        CommandStarted("a"),
        CommandEnded("a", 3, 1.5),
        CommandSkipped("b", "failed"),
    ]


def test_output_beyond_the_cap_is_truncated():
    journal = Journal(NONCE, cap=5)
    events = journal.read(frame("begin a") + b"0123456789" + frame("end a 0 1 -"))
    command = journal.commands()["a"]
    assert (command.output, command.truncated, command.size) == (b"01234", True, 10)
    assert CommandOutput("a", b"0123456789") in events


def test_invalid_frames_are_ignored():
    journal = Journal(NONCE)
    assert journal.read(frame("end a x y -") + frame("whatever") + frame("") + frame("bye ok x"))[
        -1
    ] == Ended("ok", -1)


@pytest.mark.parametrize("status", JobStatus)
def test_a_journal_accepts_every_status_that_hosts_report(status):
    journal = Journal(NONCE)
    journal.read(frame(f"bye {status} 1"))
    assert journal.ended == (Ended(status, 1) if status.is_reported else None)


@pytest.mark.parametrize("words", ["bye fine 1", "decided keep me", "decided maybe controller"])
def test_unknown_statuses_and_decisions_are_ignored(words):
    journal = Journal(NONCE)
    assert journal.read(frame(words)) == []
    assert (journal.ended, journal.decided) == (None, None)


def test_stored_words_compare_with_the_enums():
    """Ledgers and modules outside this room use plain strings."""
    assert Decided("keep", "deadman") == UNSEEN
    assert (JobStatus.LOCKED, Decision.UNDO, Why.TIMEOUT) == ("locked", "undo", "timeout")
    assert f"{JobStatus.NOSPACE} {Decider.DIED}" == "nospace died"
