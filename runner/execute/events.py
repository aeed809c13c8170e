"""What a job says of itself, as typed events, and what is known of it in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from runner.errors import LostError
from runner.execute.frames import Decoder, Frame

__all__ = [
    "DEADMAN",
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
]


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
    """Reads a job's events file from its first byte, across any number of links. No I/O."""

    def __init__(self, nonce: str, *, cap: int = 1 << 20) -> None:
        """`cap` limits the bytes of output kept of each task."""
        self.offset = 0
        """Bytes of the events file that have been read."""
        self.ended: Ended | None = None
        self.awaiting: Awaiting | None = None
        self.decided: Decided | None = None
        self.lock: Locked | None = None
        self._decoder = Decoder(nonce)
        self._cap = cap
        self._tasks: dict[str, _Running] = {}
        self._current = ""
        self._error = False

    def read(self, data: bytes) -> list[Event]:
        """The events in the next bytes of the file."""
        self.offset += len(data)
        events: list[Event] = []
        for piece in self._decoder.feed(data):
            if isinstance(piece, Frame):
                event = self._understand(piece.words)
                if event is not None:
                    events.append(event)
            elif self._current:
                self._keep(piece)
                events.append(TaskOutput(self._current, piece, self._error))
        return events

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
        room = self._cap - len(kept)
        kept += data[: max(room, 0)]
        task.truncated |= len(data) > room
        task.size += 0 if self._error else len(data)

    def _understand(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["begin" | "stderr" | "end" | "skip" | "died", *_]:
                return self._of_task(words)
            case ["job", pid]:
                return Started(_number(pid))
            case ["lock", generation]:
                self.lock = Locked(_number(generation))
                return self.lock
            case ["locked", owner, seconds]:
                self.lock = Locked(owner=owner, seconds=_number(seconds))
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
            case ["end", task, code, milliseconds, why]:
                self._current = ""
                running = self._tasks.setdefault(task, _Running())
                if running.code is not None:  # said again, since the disk was full
                    return None
                running.code, running.seconds = _number(code), _number(milliseconds) / 1000
                running.why = "" if why == "-" else why
                return TaskEnded(task, running.code, running.seconds, running.why)
            case ["skip", task, why]:
                self._tasks[task] = _Running(why=why)
                return TaskSkipped(task, why)
            case ["died", task]:
                self._current = ""
                return TookOver(task)
        return None

    def _of_verdict(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["awaiting", seconds]:
                self.awaiting = Awaiting(_number(seconds))
                return self.awaiting
            case ["decided", verdict, by]:
                self.awaiting = None
                if self.decided is None:  # said again by an heir
                    self.decided = Decided(verdict, by)
                    return self.decided
            case ["bye", status, tasks] if self.ended is None:
                self.ended = Ended(status, _number(tasks))
                return self.ended
        return None


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        return -1
