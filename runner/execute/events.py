"""What a job says of itself, as typed events, and what is known of it in the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import LostError
from runner.execute.frames import Decoder, Frame

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "DEADMAN",
    "STATUSES",
    "UNSEEN",
    "Awaiting",
    "Decided",
    "DiedError",
    "Ended",
    "Event",
    "JobRecord",
    "Journal",
    "Locked",
    "Started",
    "TaskBegan",
    "TaskEnded",
    "TaskOutput",
    "TaskRecord",
    "TaskSkipped",
    "TookOver",
    "number",
]

STATUSES = frozenset(
    "ok failed undone cancelled died nospace nofolder public nosite nolock locked".split()  # noqa: SIM905
)
"""How a job may end."""
_OF_EVERY_JOB = frozenset({"check", "cleanup", "await", "-"})
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}")
_WHY = re.compile(r"-|[a-z]{1,20}")
_MOST_TASKS = 1000
"""Of a job whose tasks are not known here."""


@dataclass(frozen=True, slots=True)
class Started:
    """The job runs; `pid` is its driver's."""

    pid: int


@dataclass(frozen=True, slots=True)
class TaskBegan:
    """A task begins."""

    task: str


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """A piece of a task's output, as it comes; `error` for its separate stderr. Not capped."""

    task: str
    data: bytes
    error: bool = False


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task ended. `why` is empty, or timeout, cancelled, flood, nospace: then `code` says nothing."""

    task: str
    code: int
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class TaskSkipped:
    """A task was not begun: `why` is failed, cancelled, locked, nosite, nolock, nospace, nofolder, public."""

    task: str
    why: str


@dataclass(frozen=True, slots=True)
class Locked:
    """The site's lock: taken (`generation` is the fencing token), or another `owner`'s for `seconds` more."""

    generation: int = 0
    owner: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Awaiting:
    """The job waits for a verdict and decides by itself after `seconds` of silence."""

    seconds: int


DEADMAN = "deadman"
"""Who decides where nobody answers."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Keep or undo, and by whom: controller, deadman, failed, cancelled, died, nospace."""

    verdict: str
    by: str


UNSEEN = Decided("keep", DEADMAN)
"""What a host decides where it finds the site well and nobody looks."""


@dataclass(frozen=True, slots=True)
class TookOver:
    """The driver was killed while `task` ran ("-": none); its warden goes on with cleanup and record."""

    task: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is over: ok, failed, undone, cancelled, died, or why it was not begun, as in `TaskSkipped`."""

    status: str
    tasks: int


Event: TypeAlias = (
    Started
    | TaskBegan
    | TaskOutput
    | TaskEnded
    | TaskSkipped
    | Locked
    | Awaiting
    | Decided
    | TookOver
    | Ended
)


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task in the end. `code` is None when it never ended or was skipped."""

    task: str
    code: int | None = None
    why: str = ""
    seconds: float = 0.0
    output: bytes = b""
    error: bytes = b""
    """Its stderr, where that was kept apart."""
    truncated: bool = False
    size: int = 0
    """Bytes of output in all, kept or not."""

    @property
    def ok(self) -> bool:
        """It ran to its end and said 0."""
        return self.code == 0 and not self.why

    @property
    def text(self) -> str:
        """The output as text; what is not UTF-8 is replaced."""
        return self.output.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The known outcome of one job."""

    job: str
    status: str
    """ok, failed, undone, cancelled, died, nospace, nofolder, public, nosite, nolock, locked"""
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    """In the order in which they came; empty when only the job's tombstone was left."""
    decided: Decided | None = None
    lock: Locked | None = None
    attached: bool = False
    """It was running or over already when this call came to it."""
    links: int = 1
    """Execs that were needed; more than one after a cut link."""

    @property
    def ok(self) -> bool:
        """Everything ran and was kept."""
        return self.status == "ok"


class DiedError(LostError):
    """All processes of a job ended on its host without a record of how. `record`: what was told before."""

    def __init__(self, message: str, *, hint: str = "", record: JobRecord) -> None:
        super().__init__(message, hint=hint)
        self.record = record


@dataclass(slots=True)
class _Running:
    code: int | None = None
    why: str = ""
    seconds: float = 0.0
    output: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    size: int = 0


class Journal:
    """Reads a job's events file from its first byte, across any number of links. No I/O.

    What it does not understand it passes over: a full disk may have cut a frame short. Events that say again
    what is known are not emitted again.
    """

    def __init__(
        self,
        nonce: str,
        *,
        cap: int = 1 << 20,
        kept: int = 64 << 20,
        known: Collection[str] | None = None,
        frames: int = 20_000,
    ) -> None:
        """`cap` limits the bytes of output kept of each task, `kept` those of all tasks together.

        `known`: the ids of the job's tasks; None: any id that a task may have.
        """
        self.offset = 0
        """Bytes of the events file that have been read."""
        self.ended: Ended | None = None
        self.awaiting: Awaiting | None = None
        self.decided: Decided | None = None
        self.lock: Locked | None = None
        self._decoder = Decoder(nonce)
        self._cap = cap
        self._room = kept
        self._known = None if known is None else frozenset(known)
        self._frames = frames
        self._tasks: dict[str, _Running] = {}
        self._current = ""
        self._error = False

    def read(self, data: bytes) -> list[Event]:
        """The events in the next bytes of the file."""
        self.offset += len(data)
        events: list[Event] = []
        for piece in self._decoder.feed(data):
            if isinstance(piece, Frame):
                event = self._understand(piece.words) if self._frames > 0 else None
                self._frames -= 1
                if event is not None:
                    events.append(event)
            elif self._current:
                self._keep(piece)
                events.append(TaskOutput(self._current, piece, self._error))
        return events

    @property
    def exhausted(self) -> bool:
        """More frames came than any job has; the rest is not understood."""
        return self._frames <= 0

    def tasks(self) -> dict[str, TaskRecord]:
        """What is known of each task now."""
        return {
            name: TaskRecord(
                name,
                task.code,
                task.why,
                task.seconds,
                bytes(task.output),
                bytes(task.error),
                truncated=task.truncated,
                size=task.size,
            )
            for name, task in self._tasks.items()
        }

    def _keep(self, data: bytes) -> None:
        task = self._tasks[self._current]
        kept = task.error if self._error else task.output
        room = max(min(self._cap - len(kept), self._room), 0)
        kept += data[:room]
        self._room -= min(len(data), room)
        task.truncated |= len(data) > room
        task.size += 0 if self._error else len(data)

    def _is_known(self, task: str) -> bool:
        if task in self._tasks or task in _OF_EVERY_JOB:
            return True
        if self._known is not None:
            return task in self._known
        return len(self._tasks) < _MOST_TASKS and _ID.fullmatch(task) is not None

    def _understand(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["begin" | "stderr" | "end" | "skip" | "died", task, *_]:
                return self._of_task(words) if self._is_known(task) else None
            case ["job", pid]:
                return Started(number(pid))
            case ["lock", generation]:
                self.lock = Locked(number(generation))
                return self.lock
            case ["locked", owner, seconds]:
                self.lock = Locked(owner=owner[:200], seconds=number(seconds))
                return self.lock
            case _:
                return self._of_verdict(words)

    def _of_task(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["begin", task]:
                self._tasks[task] = _Running()
                self._current, self._error = task, False
                return TaskBegan(task)
            case ["stderr", task] if task == self._current:
                self._error = True
            case ["end", task, code, milliseconds, why] if _WHY.fullmatch(why):
                self._current = ""
                running = self._tasks.setdefault(task, _Running())
                if running.code is not None:  # said again, since the disk was full
                    return None
                running.code, running.seconds = number(code), max(number(milliseconds), 0) / 1000
                running.why = "" if why == "-" else why
                return TaskEnded(task, running.code, running.seconds, running.why)
            case ["skip", task, why] if _WHY.fullmatch(why):
                self._tasks[task] = _Running(why=why)
                return TaskSkipped(task, why)
            case ["died", task]:
                self._current = ""
                return TookOver(task)
        return None

    def _of_verdict(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["awaiting", seconds] if self.awaiting is None and self.decided is None:
                self.awaiting = Awaiting(max(number(seconds), 0))
                return self.awaiting
            case ["decided", "keep" | "undo" as verdict, by] if _WHY.fullmatch(by):
                self.awaiting = None
                if self.decided is None:  # said again by an heir
                    self.decided = Decided(verdict, by)
                    return self.decided
            case ["bye", status, tasks] if self.ended is None and status in STATUSES:
                self.ended = Ended(status, number(tasks))
                return self.ended
        return None


def number(word: str) -> int:
    """What a frame gives as a number; -1 for anything else, and for more than 15 digits."""
    return int(word) if _NUMBER.fullmatch(word) else -1


_NUMBER = re.compile(r"-?[0-9]{1,15}")
