"""Send a stream to a host over the stdin of one exec channel. A broken connection must do no harm there."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from runner.errors import UnreachableError
from runner.execute.answers import Answers, Budget, unexpected_frame
from runner.execute.frames import Frame, new_nonce
from runner.execute.limits import Timeouts
from runner.execute.link import CutError
from runner.execute.wire import shell_command

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.link import Exec
    from runner.execute.pool import Pool

__all__ = ["Sent", "Source", "upload"]

Source: TypeAlias = Callable[[IO[bytes]], object]
"""Writes the stream."""

_HELLO = 20.0
_DIGITS = 5
_CHUNK = 128 << 10
_KEPT = 8 << 10


@dataclass(frozen=True, slots=True)
class Sent:
    """The result of the receiving end: its exit status and the end of its output."""

    code: int
    output: str
    bytes: int
    """The number of bytes sent."""


def upload(
    pool: Pool,
    endpoint: Endpoint,
    before: str,
    take: str,
    source: Source,
    *,
    silence: float = 60.0,
    limit: float = 1800.0,
) -> Sent:
    """Run the shell text `before`, then `take` with a stream on its stdin.

    If `before` fails, `take` does not run. If the connection breaks, `take` sees an early end of the stream
    and must detect that. Make sure beforehand, with `read`, that the account has a shell. What `source`
    raises closes the channel and goes to the caller.

    Args:
        pool: The connections.
        endpoint: The account on the host.
        before: Shell text without stdin.
        take: Shell text that reads the stream.
        source: Writes the stream.
        silence: Seconds without a heartbeat after which the connection counts as dead.
        limit: Seconds for `before`, and again for `take` after the end of the stream.

    Raises:
        UnreachableError: (and subclasses) no connection, or it broke; how much arrived is unknown.
        ProtocolError: the host's answers break the protocol or exceed a limit.
    """
    nonce = new_nonce()
    limits = Timeouts(hello=silence, silence=silence, received=16 << 20)
    try:
        link = pool.link(endpoint)
        exec_ = link.run(shell_command(endpoint.shell), _HELLO)
        try:
            budget = Budget(endpoint.called, limits, limit)
            answers = Answers(
                link, exec_, nonce, limits=limits, budget=budget, first=("hello", "hb", "ready", "bye")
            )
            return _Upload(exec_, answers, budget, limits, limit).run(_script(nonce, before, take), source)
        finally:
            exec_.close()
    except CutError as error:
        raise UnreachableError(
            f"{endpoint.called}: the connection broke during a file transfer: {error}",
            hint="Resume the run: sitecrew resume",
        ) from error


def _script(nonce: str, before: str, take: str) -> bytes:
    """The script, read by `head`. The stream is sent after `ready`, or `head` would swallow part of it."""
    text = f"""
say() {{ printf '\\036%s %s\\n' {nonce} "$*"; }}
say hello
( while sleep 10; do say hb || exit; done ) </dev/null 2>/dev/null & beat=$!
before() {{
{before}
}}
take() {{
{take}
}}
said=$( {{ ( before ) </dev/null; echo "=$?"; }} 2>&1 | tail -c {_KEPT} )
if [ "${{said##*=}}" = 0 ]; then
  say ready
  said=$( {{ ( take ); echo "=$?"; }} 2>&1 | tail -c {_KEPT} )
fi
kill $beat 2>/dev/null
printf '%s' "${{said%=*}}"
say "bye ${{said##*=}}"
exit 0
"""
    data = text.encode(errors="surrogateescape")
    return f'eval "$(head -c {len(data)})"\n.\n'.encode() + data


class _Upload:
    """One exec channel: a thread reads, the caller's thread sends."""

    def __init__(self, exec_: Exec, answers: Answers, budget: Budget, limits: Timeouts, limit: float) -> None:
        self._exec, self._answers, self._budget, self._limits = exec_, answers, budget, limits
        self._limit = limit
        self._ready = threading.Event()
        self._over = threading.Event()
        self._output = bytearray()
        self._code: int | None = None
        self._failure: Exception | None = None

    def run(self, script: bytes, source: Source) -> Sent:
        """Send the script and the stream, and return the result."""
        self._exec.send(script, _HELLO)
        reader = threading.Thread(target=self._read_answers, name="upload", daemon=True)
        reader.start()
        self._ready.wait()
        pipe = _Pipe(self._exec, self._over, self._limits.silence)
        if not self._over.is_set():
            try:
                source(cast("IO[bytes]", pipe))
                pipe.flush()
                self._exec.finish()
            except CutError as error:
                # the receiver may report why it stopped, which is a better message than a broken pipe
                if not self._over.wait(5.0) or self._code is None:
                    raise self._failure or error from error
            self._budget.allow(self._limit)
        self._over.wait()
        if self._code is None:
            raise self._failure or CutError("the channel was closed")
        return Sent(self._code, self._output.decode("utf-8", "replace"), pipe.sent)

    def _read_answers(self) -> None:
        try:
            while self._code is None:
                for piece in self._answers.receive():
                    if isinstance(piece, Frame):
                        self._handle_frame(piece)
                    else:
                        self._output += piece[: max(_KEPT - len(self._output), 0)]
        except (CutError, UnreachableError) as error:
            self._failure = error
        finally:
            self._over.set()
            self._ready.set()

    def _handle_frame(self, frame: Frame) -> None:
        match frame.words:
            case ["hello" | "hb"]:
                pass
            case ["ready"] if not self._ready.is_set():
                self._output.clear()
                self._budget.deadline = math.inf  # each send has a limit of its own
                self._ready.set()
            case ["bye", *code] if self._code is None:
                word = code[0] if code else ""
                self._code = int(word) if word.isdigit() and len(word) < _DIGITS else 1
            case _:
                raise unexpected_frame(self._budget.called, frame.words)


class _Pipe(io.RawIOBase):
    """The channel's stdin as a file, sent in large pieces."""

    def __init__(self, exec_: Exec, over: threading.Event, limit: float) -> None:
        super().__init__()
        self._exec, self._over, self._limit = exec_, over, limit
        self._held = bytearray()
        self.sent = 0

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Buffer bytes, and send them once there are enough."""
        self._held += data
        if len(self._held) >= _CHUNK:
            self._push()
        return len(data)

    def flush(self) -> None:
        """Send the buffered bytes."""
        if not self.closed and self._held:
            self._push()

    def _push(self) -> None:
        if self._over.is_set():
            raise CutError("the receiving command has ended")
        self._exec.send(bytes(self._held), self._limit)
        self.sent += len(self._held)
        self._held.clear()
