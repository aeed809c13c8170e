"""Reading from a host: facts and streams in one attached exec. Nothing is detached or stored there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import ProtocolError, UnreachableError
from runner.execute.answers import Answers, Budget, breach
from runner.execute.events import TaskRecord, number
from runner.execute.frames import Decoder, new_nonce
from runner.execute.limits import Limits
from runner.execute.link import CutError
from runner.execute.noshell import SilentShellError
from runner.execute.texts import text
from runner.execute.wire import command, packed
from runner.shell import assign, export, word
from runner.untrusted import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.execute.endpoint import Endpoint
    from runner.execute.job import Restore, Task
    from runner.execute.link import Exec
    from runner.execute.pool import Pool

__all__ = ["Sink", "collect_garbage", "read", "stream"]

Sink: TypeAlias = Callable[[str, bytes], object]
"""Takes the id of a task and the next bytes of its output."""

STREAM_WINDOW = 16 << 20
"""Bytes in flight: enough for 160 MB/s at a round trip of 100 ms."""
STDERR_KEPT = 64 << 10
_STREAM = 1 << 60
"""Bytes of a stream without a limit of its caller's: its tasks' time limits hold it."""
_FLOOD = 32 << 20
"""Bytes of output beyond what is kept, at which the host is told to stop the task: the others still run."""
_LIMITS = Limits()


def read(
    pool: Pool,
    endpoint: Endpoint,
    tasks: Sequence[Task],
    *,
    restore: Restore | None = None,
    cap: int = 8 << 20,
    silence: float | None = None,
    limits: Limits = _LIMITS,
) -> dict[str, TaskRecord]:
    """Run tasks that change nothing, each in its own shell, and return what they print.

    `cap` is the most that is kept of each output, in bytes; `silence`, if not that of `limits`, the seconds
    without a heartbeat after which the link is dead. A link that turns out to be dead is opened anew once.
    Tasks after a failed one are skipped unless its policy is ``go``.

    There is a record for each of `tasks`; where the host said nothing of one, its `why` is "missing".

    Raises:
        UnreachableError: (and kin) no connection, or it broke twice.
        ProtocolError: the host's answers break the protocol, or pass a limit.
    """
    limits = replace(limits, silence=silence or limits.silence, kept=max(limits.kept, cap))
    for last in (False, True):
        reading = _Reading(endpoint, tasks, limits, cap=cap)
        try:
            return reading.run(pool, restore)
        except SilentShellError:
            if last:
                raise
        except CutError as error:
            if last:
                raise UnreachableError(f"{endpoint.called}: the link broke while reading: {error}") from error
    raise AssertionError


def stream(
    pool: Pool,
    endpoint: Endpoint,
    tasks: Sequence[Task],
    sink: Sink,
    *,
    restore: Restore | None = None,
    silence: float | None = None,
    ceiling: int | None = None,
    limits: Limits = _LIMITS,
) -> dict[str, TaskRecord]:
    """Run tasks and hand the exact bytes of their stdout to `sink`; the records hold code, size and stderr.

    A slow sink slows the tasks down. What it raises ends the exec and goes to the caller. `ceiling`: the most
    bytes that all tasks together may send.

    Raises:
        UnreachableError: (and kin) no connection, or it broke; what `sink` got so far is incomplete.
        ProtocolError: the host's answers break the protocol, or pass a limit.
    """
    room = _STREAM if ceiling is None else ceiling
    limits = replace(limits, silence=silence or limits.silence, received=min(room + (1 << 20), _STREAM))
    try:
        return _Reading(endpoint, tasks, limits, sink=sink, ceiling=room).run(pool, restore)
    except CutError as error:
        raise UnreachableError(
            f"{endpoint.called}: the link broke in the middle of a stream: {error}"
        ) from error


def collect_garbage(
    pool: Pool,
    endpoint: Endpoint,
    *,
    job_days: int = 14,
    restore_days: int = 14,
    tombstone_days: int = 400,
    limits: Limits = _LIMITS,
) -> None:
    """Delete what nobody needs any more: bodies of jobs long over, old restore points, very old tombstones.

    A job whose tombstone is gone would run again if it were started: no retry may come so late.

    Raises:
        UnreachableError: (and kin) no connection, or it broke.
        ProtocolError: the host's answers break the protocol, or pass a limit.
    """
    nonce = new_nonce()
    settings = {
        "link": nonce,
        "job_days": job_days,
        "restore_days": restore_days,
        "tombstone_days": tombstone_days,
    }
    head = assign(settings)
    whole = replace(limits, hello=limits.tidying, received=1 << 20, frames=100)
    try:
        script = packed(f"{head}{text('collect')}")
        link = pool.link(endpoint)
        exec_ = link.run(command(endpoint.shell), limits.hello, data=script)
        try:
            budget = Budget(endpoint.called, whole, limits.tidying)
            answers = Answers(link, exec_, nonce, limits=whole, budget=budget, first=("bye",))
            while not answers.receive():
                pass
        finally:
            exec_.close()
    except CutError as error:
        raise UnreachableError(f"{endpoint.called}: the link broke while tidying up: {error}") from error


@dataclass(slots=True)
class _Part:
    """One task as its output comes in."""

    code: int | None = None
    why: str = ""
    seconds: float = 0.0
    output: bytearray = field(default_factory=bytearray)
    size: int = 0


class _Reading:
    """One exec."""

    def __init__(
        self,
        endpoint: Endpoint,
        tasks: Sequence[Task],
        limits: Limits,
        *,
        sink: Sink | None = None,
        cap: int = 0,
        ceiling: int = _STREAM,
    ) -> None:
        self._endpoint, self._limits, self._sink, self._cap = endpoint, limits, sink, cap
        self._tasks = {task.id: task for task in tasks}
        self._parts: dict[str, _Part] = {}
        self._current = ""
        self._greeted = False
        self._nonce = new_nonce()
        self._kept = limits.kept
        self._room = ceiling
        self._budget = Budget(endpoint.called, limits, limits.margin)
        self._errors = limits.errors
        self._stderr: dict[str, bytearray] = {}
        self._breach: ProtocolError | None = None
        """What the thread that reads stderr found."""

    def run(self, pool: Pool, restore: Restore | None) -> dict[str, TaskRecord]:
        """Start, listen to both streams, return what came."""
        link = pool.link(self._endpoint)
        script = packed(self._script(restore))
        window = STREAM_WINDOW if self._sink else None
        exec_ = link.run(command(self._endpoint.shell), self._limits.hello, data=script, window=window)
        answers = Answers(
            link, exec_, self._nonce, limits=self._limits, budget=self._budget, first=("hello",)
        )
        errors = threading.Thread(target=self._listen_error, args=(exec_, answers), daemon=True)
        try:
            errors.start()
            self._listen(answers, exec_)
            errors.join(5.0)
        except CutError:
            if self._breach is not None:
                raise self._breach from None
            raise
        finally:
            exec_.close()
        if self._breach is not None:
            raise self._breach
        return {name: self._record(name) for name in self._tasks}

    def _script(self, restore: Restore | None) -> str:
        shell = self._endpoint.shell
        lines = [
            f"link={self._nonce} beat={self._limits.beat} shell={word(shell)}\n",
            text("common", "clock", "read"),
        ]
        lines.append("job_main() {\n:\n")
        if restore:
            lines.append(f"{restore.call()}\n")
        for task in self._tasks.values():
            variables = {**task.env, **task.secret}
            lines.append(
                f"task {task.id} {task.timeout} {task.policy} {word(export(variables) + task.text)}\n"
            )
        lines.append("}\ngo\n")
        return "".join(lines)

    def _listen(self, answers: Answers, exec_: Exec) -> None:
        """Stdout, to the last frame."""
        while True:
            for piece in answers.receive():
                if isinstance(piece, bytes):
                    self._take(piece)
                    self._stop_flood(exec_)
                elif piece.words == ("bye",):
                    return
                else:
                    self._understand(piece.words)

    def _understand(self, words: tuple[str, ...]) -> None:
        """A frame. Each task begins once and ends once: so the deadlines set here have an end too."""
        margin = self._limits.margin
        match words:
            case ["hb"]:
                pass
            case ["hello"] if not self._greeted:
                self._greeted = True
                self._budget.allow(margin)
            case ["begin", task] if self._is_new(task):
                self._current = task
                self._parts[task] = _Part()
                self._budget.allow(self._tasks[task].timeout + margin)
            case ["late", task] if task in self._parts:
                self._parts[task].why = "timeout"
            case ["skip", task, why] if self._is_new(task):
                self._parts[task] = _Part(why=sentence(why, 20))
            case ["end", task, code, milliseconds, _] if task == self._current:
                part = self._parts[task]
                part.code = 124 if part.why == "timeout" else self._number(code)
                part.seconds = max(self._number(milliseconds), 0) / 1000
                self._current = ""
                self._budget.allow(margin)
            case _:
                raise breach(self._endpoint.called, f"says {sentence(' '.join(words), 60)!r}")

    def _is_new(self, task: str) -> bool:
        return task in self._tasks and task not in self._parts and not self._current

    def _number(self, word: str) -> int:
        value = number(word)
        if value == -1 and word != "-1":
            raise breach(self._endpoint.called, f"says {sentence(word, 20)!r} where a number belongs")
        return value

    def _take(self, data: bytes) -> None:
        if not self._current:  # of a child that a task left behind
            return
        part = self._parts[self._current]
        part.size += len(data)
        if self._sink is not None:
            self._room -= len(data)
            if self._room < 0:
                raise breach(self._endpoint.called, "sends a stream that is larger than its limit")
            began = time.monotonic()
            self._sink(self._current, data)
            self._budget.deadline += time.monotonic() - began
        else:
            kept = data[: max(min(self._cap - len(part.output), self._kept), 0)]
            part.output += kept
            self._kept -= len(kept)

    def _stop_flood(self, exec_: Exec) -> None:
        part = self._parts.get(self._current)
        if self._sink is None and part and not part.why and part.size > self._cap + _FLOOD:
            part.why = "flood"
            exec_.send(b"stop\n", 10.0)

    def _listen_error(self, exec_: Exec, answers: Answers) -> None:
        """Stderr, to its own last frame. A thread of its own: unread it would fill the window of both."""
        decoder = Decoder(self._nonce)
        current = ""
        try:
            while data := exec_.receive_error():
                self._errors -= len(data)
                if self._errors < 0:
                    raise breach(self._endpoint.called, "writes to stderr without end")
                for piece in decoder.feed(data):
                    if isinstance(piece, bytes):
                        self._hear_error(current, piece, answers)
                    elif piece.words == ("bye",):
                        return
                    else:
                        current = piece.words[1] if len(piece.words) > 1 and piece.verb == "begin" else ""
        except CutError:
            return
        except ProtocolError as error:
            self._breach = error
            exec_.close()

    def _hear_error(self, task: str, data: bytes, answers: Answers) -> None:
        if task in self._tasks:
            kept = self._stderr.setdefault(task, bytearray())
            kept += data[: max(STDERR_KEPT - len(kept), 0)]
        elif not answers.greeted:
            answers.hear_noise(data)

    def _record(self, name: str) -> TaskRecord:
        part = self._parts.get(name) or _Part(why="missing")
        return TaskRecord(
            name,
            part.code,
            part.why,
            part.seconds,
            bytes(part.output),
            bytes(self._stderr.get(name, b"")),
            size=part.size,
            truncated=self._sink is None and part.size > len(part.output),
        )
