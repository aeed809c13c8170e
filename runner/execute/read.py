"""Read from a host: facts and streams over one exec channel. Nothing is detached or stored on the host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import ProtocolError, UnreachableError
from runner.execute.answers import Answers, Budget, breach, unexpected_frame
from runner.execute.events import number
from runner.execute.frames import Decoder, new_nonce
from runner.execute.limits import Timeouts
from runner.execute.link import CutError
from runner.execute.noshell import SilentShellError
from runner.execute.records import CommandRecord
from runner.execute.statuses import Why
from runner.execute.texts import text
from runner.execute.wire import packed, shell_command
from runner.shell import export, word
from runner.untrusted import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.execute.endpoint import Endpoint
    from runner.execute.job import Command, Restore
    from runner.execute.link import Exec
    from runner.execute.pool import Pool

__all__ = ["Sink", "read", "stream"]

Sink: TypeAlias = Callable[[str, bytes], object]
"""Takes the id of a command and the next bytes of its output."""

STREAM_WINDOW = 16 << 20
"""Bytes in flight: enough for 160 MB/s at a round trip of 100 ms."""
STDERR_KEPT = 64 << 10
_STREAM = 1 << 60
"""Bytes of a stream without a ceiling; the time limits of its commands still apply."""
_FLOOD = 32 << 20
"""Bytes of output beyond the kept ones, after which the host must stop the command and run the next."""
_DEFAULTS = Timeouts()


def read(
    pool: Pool,
    endpoint: Endpoint,
    commands: Sequence[Command],
    *,
    restore: Restore | None = None,
    cap: int = 8 << 20,
    silence: float | None = None,
    limits: Timeouts = _DEFAULTS,
) -> dict[str, CommandRecord]:
    """Run commands that change nothing, each in its own shell, and return their output.

    After a failed command the others are skipped, unless its policy is ``go``. If the connection turns out to
    be dead, it is opened again once. There is a record for each command; its `why` is "missing" if the host
    sent nothing about it.

    Args:
        pool: The connections.
        endpoint: The account on the host.
        commands: What to run.
        restore: Gives the commands a directory for restore points.
        cap: Bytes of output kept of each command.
        silence: Seconds without a heartbeat until the connection counts as dead; overrides `limits`.
        limits: The other limits.

    Raises:
        UnreachableError: (and subclasses) no connection, or it broke twice.
        ProtocolError: the host's answers break the protocol or exceed a limit.
    """
    limits = replace(limits, silence=silence or limits.silence, kept=max(limits.kept, cap))
    for last in (False, True):
        reading = _Reading(endpoint, commands, limits, cap=cap)
        try:
            return reading.run(pool, restore)
        except SilentShellError:
            if last:
                raise
        except CutError as error:
            if last:
                raise UnreachableError(
                    f"{endpoint.called}: the connection broke while reading: {error}"
                ) from error
    raise AssertionError


def stream(
    pool: Pool,
    endpoint: Endpoint,
    commands: Sequence[Command],
    sink: Sink,
    *,
    restore: Restore | None = None,
    silence: float | None = None,
    ceiling: int | None = None,
    limits: Timeouts = _DEFAULTS,
) -> dict[str, CommandRecord]:
    """Run commands and pass the bytes of their stdout to `sink`. The records have code, size and stderr.

    A slow sink slows the commands down. What it raises closes the channel and goes to the caller. `ceiling`:
    the most bytes that all commands together may send.

    Raises:
        UnreachableError: (and subclasses) no connection, or it broke; the data in `sink` is incomplete.
        ProtocolError: the host's answers break the protocol or exceed a limit.
    """
    room = _STREAM if ceiling is None else ceiling
    limits = replace(limits, silence=silence or limits.silence, received=min(room + (1 << 20), _STREAM))
    try:
        return _Reading(endpoint, commands, limits, sink=sink, ceiling=room).run(pool, restore)
    except CutError as error:
        raise UnreachableError(f"{endpoint.called}: the connection broke during a stream: {error}") from error


@dataclass(slots=True)
class _Partial:
    """The output of one command so far."""

    code: int | None = None
    why: str = ""
    seconds: float = 0.0
    output: bytearray = field(default_factory=bytearray)
    size: int = 0


class _Reading:
    """One exec channel."""

    def __init__(
        self,
        endpoint: Endpoint,
        commands: Sequence[Command],
        limits: Timeouts,
        *,
        sink: Sink | None = None,
        cap: int = 0,
        ceiling: int = _STREAM,
    ) -> None:
        self._endpoint, self._limits, self._sink, self._cap = endpoint, limits, sink, cap
        self._commands = {command.id: command for command in commands}
        self._partials: dict[str, _Partial] = {}
        self._current = ""
        self._greeted = False
        self._nonce = new_nonce()
        self._kept = limits.kept
        self._room = ceiling
        self._budget = Budget(endpoint.called, limits, limits.margin)
        self._errors = limits.errors
        self._stderr: dict[str, bytearray] = {}
        self._breach: ProtocolError | None = None
        """An error found by the thread that reads stderr."""

    def run(self, pool: Pool, restore: Restore | None) -> dict[str, CommandRecord]:
        """Send the script, read both streams to their ends, return the records."""
        link = pool.link(self._endpoint)
        script = packed(self._script(restore))
        window = STREAM_WINDOW if self._sink else None
        command = shell_command(self._endpoint.shell)
        exec_ = link.run(command, self._limits.hello, data=script, window=window)
        answers = Answers(
            link, exec_, self._nonce, limits=self._limits, budget=self._budget, first=("hello",)
        )
        errors = threading.Thread(target=self._read_stderr, args=(exec_, answers), daemon=True)
        try:
            errors.start()
            self._read_stdout(answers, exec_)
            errors.join(5.0)
        except CutError:
            if self._breach is not None:
                raise self._breach from None
            raise
        finally:
            exec_.close()
        if self._breach is not None:
            raise self._breach
        return {name: self._record(name) for name in self._commands}

    def _script(self, restore: Restore | None) -> str:
        shell = self._endpoint.shell
        lines = [
            f"link={self._nonce} beat={self._limits.beat} shell={word(shell)}\n",
            text("common", "clock", "read"),
        ]
        lines.append("job_main() {\n:\n")
        if restore:
            lines.append(f"{restore.call()}\n")
        for command in self._commands.values():
            script = word(export({**command.env, **command.secret}) + command.text)
            lines.append(f"task {command.id} {command.timeout} {command.policy} {script}\n")
        lines.append("}\ngo\n")
        return "".join(lines)

    def _read_stdout(self, answers: Answers, exec_: Exec) -> None:
        while True:
            for piece in answers.receive():
                if isinstance(piece, bytes):
                    self._add_output(piece)
                    self._stop_flood(exec_)
                elif piece.words == ("bye",):
                    return
                else:
                    self._handle_frame(piece.words)

    def _handle_frame(self, words: tuple[str, ...]) -> None:
        """Each command starts and ends once, so the deadline can be extended only so often."""
        margin = self._limits.margin
        match words:
            case ["hb"]:
                pass
            case ["hello"] if not self._greeted:
                self._greeted = True
                self._budget.allow(margin)
            case ["begin", command] if self._is_new(command):
                self._current = command
                self._partials[command] = _Partial()
                self._budget.allow(self._commands[command].timeout + margin)
            case ["late", command] if command in self._partials:
                self._partials[command].why = Why.TIMEOUT
            case ["skip", command, why] if self._is_new(command):
                self._partials[command] = _Partial(why=sentence(why, 20))
            case ["end", command, code, milliseconds, _] if command == self._current:
                partial = self._partials[command]
                partial.code = 124 if partial.why == Why.TIMEOUT else self._number(code)
                partial.seconds = max(self._number(milliseconds), 0) / 1000
                self._current = ""
                self._budget.allow(margin)
            case _:
                raise unexpected_frame(self._endpoint.called, words)

    def _is_new(self, command: str) -> bool:
        return command in self._commands and command not in self._partials and not self._current

    def _number(self, word: str) -> int:
        value = number(word)
        if value == -1 and word != "-1":
            raise breach(self._endpoint.called, f"sent {sentence(word, 20)!r} instead of a number")
        return value

    def _add_output(self, data: bytes) -> None:
        if not self._current:  # from a background process of an earlier command
            return
        partial = self._partials[self._current]
        partial.size += len(data)
        if self._sink is not None:
            self._room -= len(data)
            if self._room < 0:
                raise breach(self._endpoint.called, "sent a stream that is larger than its limit")
            began = time.monotonic()
            self._sink(self._current, data)
            self._budget.deadline += time.monotonic() - began
        else:
            kept = data[: max(min(self._cap - len(partial.output), self._kept), 0)]
            partial.output += kept
            self._kept -= len(kept)

    def _stop_flood(self, exec_: Exec) -> None:
        partial = self._partials.get(self._current)
        if self._sink is None and partial and not partial.why and partial.size > self._cap + _FLOOD:
            partial.why = Why.FLOOD
            exec_.send(b"stop\n", 10.0)

    def _read_stderr(self, exec_: Exec, answers: Answers) -> None:
        """Runs in a thread of its own: unread stderr would block stdout too."""
        decoder = Decoder(self._nonce)
        current = ""
        try:
            while data := exec_.receive_error():
                self._errors -= len(data)
                if self._errors < 0:
                    raise breach(self._endpoint.called, "wrote too much to stderr")
                for piece in decoder.feed(data):
                    if isinstance(piece, bytes):
                        self._add_stderr(current, piece, answers)
                    elif piece.words == ("bye",):
                        return
                    else:
                        current = piece.words[1] if len(piece.words) > 1 and piece.verb == "begin" else ""
        except CutError:
            return
        except ProtocolError as error:
            self._breach = error
            exec_.close()

    def _add_stderr(self, command: str, data: bytes, answers: Answers) -> None:
        if command in self._commands:
            kept = self._stderr.setdefault(command, bytearray())
            kept += data[: max(STDERR_KEPT - len(kept), 0)]
        elif not answers.greeted:
            answers.count_noise(data)

    def _record(self, name: str) -> CommandRecord:
        partial = self._partials.get(name) or _Partial(why=Why.MISSING)
        return CommandRecord(
            name,
            partial.code,
            partial.why,
            partial.seconds,
            bytes(partial.output),
            bytes(self._stderr.get(name, b"")),
            size=partial.size,
            truncated=self._sink is None and partial.size > len(partial.output),
        )
