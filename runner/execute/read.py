"""Reading from a host: facts and streams in one attached exec. Nothing is detached or stored there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import UnreachableError
from runner.execute.events import TaskRecord
from runner.execute.frames import Decoder, Frame, new_nonce
from runner.execute.link import CutError
from runner.execute.noshell import NOISE, SilentShellError, never_greeted, no_shell
from runner.execute.texts import text
from runner.execute.wire import command, packed
from runner.shell import assign, export, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.execute.endpoint import Endpoint
    from runner.execute.job import Restore, Task
    from runner.execute.link import Exec, Link
    from runner.execute.pool import Pool

__all__ = ["Sink", "collect_garbage", "read", "stream"]

Sink: TypeAlias = Callable[[str, bytes], object]
"""Takes the id of a task and the next bytes of its output."""

STREAM_WINDOW = 16 << 20
"""Bytes in flight: enough for 160 MB/s at a round trip of 100 ms."""
STDERR_KEPT = 64 << 10
HELLO = 20.0
BEAT = 10


def read(
    pool: Pool,
    endpoint: Endpoint,
    tasks: Sequence[Task],
    *,
    restore: Restore | None = None,
    cap: int = 8 << 20,
    silence: float = 60.0,
) -> dict[str, TaskRecord]:
    """Run tasks that change nothing, each in its own shell, and return what they print.

    `cap` is the most that is kept of each output, in bytes; `silence` the seconds without a heartbeat after
    which the link is dead. A link that turns out to be dead is opened anew once. Tasks after a failed one are
    skipped unless its policy is ``go``.

    Raises:
        UnreachableError: (and kin) no connection, or it broke twice.
    """
    for last in (False, True):
        reading = _Reading(cap=cap)
        try:
            return reading.run(pool, endpoint, tasks, restore, silence)
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
    silence: float = 60.0,
) -> dict[str, TaskRecord]:
    """Run tasks and hand the exact bytes of their stdout to `sink`; the records hold code, size and stderr.

    A slow sink slows the tasks down. What it raises ends the exec and goes to the caller.

    Raises:
        UnreachableError: (and kin) no connection, or it broke; what `sink` got so far is incomplete.
    """
    try:
        return _Reading(sink=sink).run(pool, endpoint, tasks, restore, silence)
    except CutError as error:
        raise UnreachableError(
            f"{endpoint.called}: the link broke in the middle of a stream: {error}"
        ) from error


def collect_garbage(
    pool: Pool, endpoint: Endpoint, *, job_days: int = 14, restore_days: int = 14, tombstone_days: int = 400
) -> None:
    """Delete what nobody needs any more: bodies of jobs long over, old restore points, very old tombstones.

    A job whose tombstone is gone would run again if it were started: no retry may come so late.

    Raises:
        UnreachableError: (and kin) no connection, or it broke.
    """
    nonce = new_nonce()
    settings = {
        "link": nonce,
        "job_days": job_days,
        "restore_days": restore_days,
        "tombstone_days": tombstone_days,
    }
    head = assign(settings)
    decoder = Decoder(nonce)
    try:
        script = packed(f"{head}{text('collect')}")
        exec_ = pool.link(endpoint).run(command(endpoint.shell), HELLO, data=script)
        try:
            while data := exec_.receive(600.0):
                if any(isinstance(piece, Frame) for piece in decoder.feed(data)):
                    return
            raise CutError("no answer")
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
    error: bytearray = field(default_factory=bytearray)
    size: int = 0


class _Reading:
    """One exec."""

    def __init__(self, *, sink: Sink | None = None, cap: int = 0) -> None:
        self._sink = sink
        self._cap = cap
        self._parts: dict[str, _Part] = {}
        self._current = ""
        self._nonce = new_nonce()
        self._noise = bytearray()
        self._patience: float | None = None
        """Until when the host's greeting is waited for."""

    def run(
        self, pool: Pool, endpoint: Endpoint, tasks: Sequence[Task], restore: Restore | None, silence: float
    ) -> dict[str, TaskRecord]:
        """Start, listen to both streams, return what came."""
        link = pool.link(endpoint)
        script = packed(self._script(endpoint, tasks, restore))
        window = STREAM_WINDOW if self._sink else None
        exec_ = link.run(command(endpoint.shell), HELLO, data=script, window=window)
        errors = threading.Thread(target=self._listen_error, args=(exec_,), daemon=True)
        try:
            errors.start()
            if not self._listen(link, exec_, silence):
                self._raise_closed(exec_, endpoint)
            errors.join(5.0)
        finally:
            exec_.close()
        return {name: self._record(name, part) for name, part in self._parts.items()}

    def _script(self, endpoint: Endpoint, tasks: Sequence[Task], restore: Restore | None) -> str:
        lines = [
            f"link={self._nonce} beat={BEAT} shell={word(endpoint.shell)}\n",
            text("common", "clock", "read"),
        ]
        lines.append("job_main() {\n:\n")
        if restore:
            lines.append(f"{restore.call()}\n")
        for task in tasks:
            variables = {**task.env, **task.secret}
            lines.append(
                f"task {task.id} {task.timeout} {task.policy} {word(export(variables) + task.text)}\n"
            )
        lines.append("}\ngo\n")
        return "".join(lines)

    def _listen(self, link: Link, exec_: Exec, silence: float) -> bool:
        """Stdout, to the last frame; False when it ended before."""
        decoder = Decoder(self._nonce)
        self._patience = time.monotonic() + HELLO
        while True:
            data = self._receive(link, exec_, silence)
            if not data:
                return False
            for piece in decoder.feed(data):
                if isinstance(piece, bytes):
                    self._hear(piece)
                elif piece.words == ("hello",):
                    self._patience = None
                elif piece.words == ("bye",):
                    return True
                else:
                    self._understand(piece.words)

    def _receive(self, link: Link, exec_: Exec, silence: float) -> bytes:
        """The next bytes; however much is printed, the greeting must come in time."""
        if self._patience is None:
            data = exec_.receive(silence)
            if data is None:
                raise CutError(f"nothing heard for {silence:.0f} s")
            return data
        data = exec_.receive(max(self._patience - time.monotonic(), 0.01))
        if data is None or (data and time.monotonic() > self._patience):
            link.close()
            raise never_greeted(link.endpoint, HELLO, bytes(self._noise))
        return data

    def _hear(self, piece: bytes) -> None:
        if self._current:
            self._take(piece)
        elif self._patience is not None:
            self._noise = (self._noise + piece)[-NOISE:]

    def _understand(self, words: tuple[str, ...]) -> None:
        match words:
            case ["begin", task]:
                self._current = task
                self._parts.setdefault(task, _Part())
            case ["late", task] if task in self._parts:
                self._parts[task].why = "timeout"
            case ["skip", task, why]:
                self._parts[task] = _Part(why=why)
            case ["end", task, code, milliseconds, _] if task in self._parts:
                part = self._parts[task]
                part.code = 124 if part.why == "timeout" else int(code)
                part.seconds = int(milliseconds) / 1000
                self._current = ""

    def _take(self, data: bytes) -> None:
        part = self._parts[self._current]
        part.size += len(data)
        if self._sink is not None:
            self._sink(self._current, data)
        else:
            part.output += data[: max(self._cap - len(part.output), 0)]

    def _listen_error(self, exec_: Exec) -> None:
        """Stderr, to its own last frame. A thread of its own: unread it would fill the window of both."""
        decoder = Decoder(self._nonce)
        current = ""
        try:
            while data := exec_.receive_error():
                for piece in decoder.feed(data):
                    if isinstance(piece, bytes):
                        kept = self._parts.setdefault(current, _Part()).error if current else self._noise
                        kept += piece[: max(STDERR_KEPT - len(kept), 0)]
                    elif piece.verb == "begin":
                        current = piece.words[1]
                    elif piece.verb == "bye":
                        return
        except CutError:
            return

    def _raise_closed(self, exec_: Exec, endpoint: Endpoint) -> None:
        if not self._parts and exec_.exit_status(10.0) is not None:
            raise no_shell(endpoint, bytes(self._noise))
        raise CutError("the exec ended")

    def _record(self, name: str, part: _Part) -> TaskRecord:
        return TaskRecord(
            name,
            part.code,
            part.why,
            part.seconds,
            bytes(part.output),
            bytes(part.error),
            size=part.size,
            truncated=self._sink is None and part.size > len(part.output),
        )
