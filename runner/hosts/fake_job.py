"""A job in memory, run by the rules of the driver, and the faults that may meet it. For tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.execute import (
    Awaiting,
    Command,
    CommandEnded,
    CommandOutput,
    CommandRecord,
    CommandSkipped,
    CommandStarted,
    Control,
    Decided,
    Decider,
    Decision,
    Ended,
    Event,
    Job,
    JobRecord,
    JobStatus,
    Locked,
    Started,
    TookOver,
)

__all__ = ["Answer", "ControllerKilled", "FakeJob", "Fault", "FaultKind"]

_PID = 4711
_FOREIGN = frozenset({JobStatus.LOCKED, JobStatus.NOSITE, JobStatus.NOLOCK})
"""Without its lock a job touches nothing, cleanup included."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ends: exit status, output, and why it was stopped, if it was (`timeout`, `nospace`)."""

    code: int = 0
    output: str = ""
    why: str = ""
    error: str = ""
    """Its stderr, if the command keeps it separate."""
    seconds: float = 0.0

    def record(self, command: Command) -> CommandRecord:
        """Return the answer as the record of a command."""
        output, error = self.output.encode(), self.error.encode()
        return CommandRecord(command.id, self.code, self.why, self.seconds, output, error, size=len(output))


class FaultKind(StrEnum):
    """What happens at an event of a job."""

    DIE = "die"
    """All processes of the job are killed right after the event."""
    DIE_UNWRITTEN = "die-unwritten"
    """They are killed right before it is written: what it says is done, and not known."""
    DRIVER = "driver"
    """Only the driver is killed; its warden finishes the job."""
    CUT = "cut"
    """The connection breaks and is back at once."""
    AWAY = "away"
    """The connection breaks and is back when the host has decided by itself."""
    LOST = "lost"
    """The connection breaks and does not come back."""
    LATE = "late"
    """From here on, a verdict comes too late: the host has decided by itself."""
    KILL = "kill"
    """The controller is killed before it receives the event."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at an event, counted from 1 over all jobs of the host."""

    kind: FaultKind
    at: int


class ControllerKilled(BaseException):
    """The process of the controller ends here."""


class FakeJob:
    """One job on a fake host. Each call of `advance` makes its next event.

    Args:
        job: what was sent.
        answer: runs a command.
        owner: the run that holds the job's lock, if another one does.
        refused: the status of a job that the host does not start, such as `nospace`; else empty.
    """

    def __init__(
        self, job: Job, answer: Callable[[Command], Answer], *, owner: str = "", refused: str = ""
    ) -> None:
        self.job = job
        self.events: list[Event] = []
        self.control: Control | None = None
        self.verdict = ""
        """The word of the controller; empty if the host decides by itself."""
        self.dead = False
        """All processes of the job were killed."""
        self.acknowledged = False
        self._answer, self._owner = answer, owner
        self._bad = JobStatus(refused) if refused else JobStatus.LOCKED if owner else None
        self._foreign = self._bad in _FOREIGN
        self._phase, self._current, self._count = "main", "-", 0
        self._cancelled = False
        self._has_lock, self._has_driver = False, True
        self._decided: Decided | None = None
        self._next = self._run()

    @property
    def ended(self) -> bool:
        """Whether the job is over."""
        return bool(self.events) and isinstance(self.events[-1], Ended)

    @property
    def is_waiting(self) -> bool:
        """Whether the job waits for a verdict now."""
        return self._has_driver and bool(self.events) and isinstance(self.events[-1], Awaiting)

    def advance(self) -> Event:
        """Go on to the next event."""
        event = next(self._next)
        self.events.append(event)
        return event

    def kill_driver(self) -> None:
        """Kill the driver; its warden finishes the job."""
        self._has_driver = False
        self._next = self._take_over()

    def record(self, *, attached: bool, links: int = 1) -> JobRecord:
        """Return what is known of the job; of an acknowledged one only its status."""
        last = self.events[-1] if self.events else None
        status = last.status if isinstance(last, Ended) else JobStatus.DIED
        if self.acknowledged:
            return JobRecord(self.job.id, status, attached=True)
        lock = next((event for event in self.events if isinstance(event, Locked)), None)
        decided = next((event for event in self.events if isinstance(event, Decided)), None)
        return JobRecord(self.job.id, status, _records(self.events), decided, lock, attached, links)

    def _run(self) -> Iterator[Event]:
        yield Started(_PID)
        if self.job.lock and self._bad is JobStatus.LOCKED:
            yield Locked(owner=self._owner, seconds=self.job.lock.seconds)
        elif self.job.lock and not self._foreign:
            self._has_lock = True
            yield Locked(1)
        yield from self._commands(self.job.commands)
        if self.job.wait and not self._foreign:
            yield from self._await()
        yield from self._finish()

    def _commands(self, commands: Iterable[Command]) -> Iterator[Event]:
        for command in commands:
            yield from self._command(command)

    def _command(self, command: Command) -> Iterator[Event]:
        if self._phase == "main" and self._is_cancelled():
            self._bad = JobStatus.CANCELLED
        if (
            self._bad
            and self._phase != "undo"
            and (command.policy, self._bad) != ("always", JobStatus.FAILED)
        ):
            yield CommandSkipped(command.id, self._bad)
            return
        answer: list[Answer] = []
        yield from self._start(command, answer)
        if answer[0].why == "nospace":
            self._bad = self._bad or JobStatus.NOSPACE
        if (answer[0].code or answer[0].why) and command.policy == "stop":
            failed = JobStatus.FAILED
            self._bad = failed if self._phase == "undo" else self._bad or failed

    def _start(self, command: Command, found: list[Answer], name: str = "") -> Iterator[Event]:
        name = name or command.id
        self._current, self._count = name, self._count + 1
        yield CommandStarted(name)
        answer = self._answer(command)
        found.append(answer)
        if answer.output:
            yield CommandOutput(name, answer.output.encode())
        if answer.error and command.stderr:
            yield CommandOutput(name, answer.error.encode()[: command.stderr], error=True)
        why = "cancelled" if self._phase == "main" and self._is_cancelled() else answer.why
        self._current = "-"
        yield CommandEnded(name, answer.code, answer.seconds, why)

    def _await(self) -> Iterator[Event]:
        if self._is_cancelled():
            self._bad = JobStatus.CANCELLED
        if self._bad:
            yield from self._decide(Decided(Decision.UNDO, Decider(self._bad)))
            return
        self._phase = self._current = "await"
        yield Awaiting(self.job.wait)
        yield from self._settle()

    def _settle(self) -> Iterator[Event]:
        if self._is_cancelled():
            self._bad = JobStatus.CANCELLED
            yield from self._decide(Decided(Decision.UNDO, Decider.CANCELLED))
        elif self.verdict:
            yield from self._decide(Decided(Decision(self.verdict), Decider.CONTROLLER))
        else:
            self._phase, answer = "check", list[Answer]()
            yield from self._start(Command("look", self.job.check), answer, "check")
            yield from self._decide(
                Decided(Decision.UNDO if answer[0].code else Decision.KEEP, Decider.DEADMAN)
            )

    def _decide(self, decided: Decided) -> Iterator[Event]:
        self._decided, self._phase = decided, str(decided.verdict)
        if decided.verdict is Decision.UNDO:
            self._bad = self._bad or JobStatus.UNDONE
        yield decided
        yield from self._commands(self.job.undo if decided.verdict is Decision.UNDO else self.job.keep)

    def _finish(self) -> Iterator[Event]:
        if self._cancelled and self._decided is None:
            self._bad = self._bad or JobStatus.CANCELLED
        self._phase = "cleanup"
        if self.job.cleanup and not self._foreign:
            yield from self._start(Command("tidy", self.job.cleanup), [], "cleanup")
        yield Ended(self._bad or JobStatus.OK, self._count)

    def _take_over(self) -> Iterator[Event]:
        """What the warden does after the driver was killed."""
        yield TookOver(self._current)
        if self._decided is not None:
            self._bad = JobStatus.DIED
            if self._decided.verdict is Decision.UNDO:
                self._phase = "undo"
                yield from self._commands(self.job.undo)
        elif self._phase in {"await", "check"}:
            yield from self._settle()
        elif self.job.lock and not self._has_lock:
            self._bad, self._foreign = JobStatus.DIED, True
        else:
            self._bad = JobStatus.DIED
            if self.job.undo_on_death:
                yield from self._decide(Decided(Decision.UNDO, Decider.DIED))
        yield from self._finish()

    def _is_cancelled(self) -> bool:
        self._cancelled |= self.control is not None and self.control.cancelled != math.inf
        return self._cancelled


def _records(events: Iterable[Event]) -> dict[str, CommandRecord]:
    """Return the record of each command that the events name."""
    output: dict[tuple[str, bool], bytes] = {}
    found: dict[str, CommandRecord] = {}
    for event in events:
        match event:
            case CommandStarted(name):
                found[name] = CommandRecord(name)
                output[name, False] = output[name, True] = b""
            case CommandOutput(name, data, is_stderr):
                output[name, is_stderr] += data
            case CommandSkipped(name, why):
                found[name] = CommandRecord(name, why=why)
            case CommandEnded(name, code, seconds, why):
                printed, error = output[name, False], output[name, True]
                found[name] = CommandRecord(name, code, why, seconds, printed, error, size=len(printed))
    return found
