"""The events of a job, as its host reports them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from runner.execute.statuses import Decider, Decision, JobStatus

__all__ = [
    "DEADMAN",
    "UNSEEN",
    "Awaiting",
    "CommandEnded",
    "CommandOutput",
    "CommandSkipped",
    "CommandStarted",
    "Decided",
    "Ended",
    "Event",
    "Locked",
    "Started",
    "TookOver",
    "number",
]


@dataclass(frozen=True, slots=True)
class Started:
    """The job is running; `pid` is the pid of its driver."""

    pid: int


@dataclass(frozen=True, slots=True)
class CommandStarted:
    """A command starts."""

    command: str


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """A piece of a command's output as it arrives, not capped. `error`: it is from the separate stderr."""

    command: str
    data: bytes
    error: bool = False


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """A command ended. If `why` is set (timeout, cancelled, flood, nospace), ignore `code`."""

    command: str
    code: int
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class CommandSkipped:
    """A command was skipped. `why`: failed, cancelled, locked, nosite, nolock, nospace, nofolder, public."""

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class Locked:
    """The lock of the site.

    The job has it (`generation` is the fencing token), or another `owner` has it for `seconds` more.
    """

    generation: int = 0
    owner: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Awaiting:
    """The job waits for a verdict. After `seconds` without a word from the controller it decides itself."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision on the job's changes, and who made it."""

    verdict: Decision
    by: Decider


DEADMAN = Decider.DEADMAN

UNSEEN = Decided(Decision.KEEP, Decider.DEADMAN)
"""The host kept the changes after its own check; the controller did not verify them."""


@dataclass(frozen=True, slots=True)
class TookOver:
    """The driver was killed while `command` ran ("-": none). The warden does the cleanup and the record."""

    command: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is over after so many commands."""

    status: JobStatus
    commands: int


Event: TypeAlias = (
    Started
    | CommandStarted
    | CommandOutput
    | CommandEnded
    | CommandSkipped
    | Locked
    | Awaiting
    | Decided
    | TookOver
    | Ended
)


def number(word: str) -> int:
    """Parse a number in a frame; return -1 for anything else and for more than 15 digits."""
    return int(word) if _NUMBER.fullmatch(word) else -1


_NUMBER = re.compile(r"-?[0-9]{1,15}")
