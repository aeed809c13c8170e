"""The reader of a host's answers on one exec channel, within limits of time and size."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from runner.errors import ProtocolError
from runner.execute.frames import Decoder, Frame
from runner.execute.link import CutError
from runner.execute.noshell import NOISE, never_greeted, no_shell
from runner.untrusted import sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runner.execute.limits import Timeouts
    from runner.execute.link import Exec, Link

__all__ = ["FIRST_OF_JOB", "Answers", "Budget", "breach", "unexpected_frame"]

FIRST_OF_JOB = ("hello", "error", "eof")
"""The verbs with which a host may answer a question about a job."""
_STATUS = 10.0
"""Seconds between the end of a command's output and its exit status."""


def breach(called: str, what: str) -> ProtocolError:
    """The error for a host that breaks the protocol; `what` completes "the host ..."."""
    return ProtocolError(
        f"{called}: the host {what}",
        hint="Its answers cannot be trusted. Check whether it was hacked, or whether another server"
        " answers at its address.",
    )


def unexpected_frame(called: str, words: Sequence[str]) -> ProtocolError:
    """The error for a frame that must not come now, or at all."""
    return breach(called, f"sent an unexpected answer: {sentence(' '.join(words), 60)!r}")


class Budget:
    """The remaining limits of one job or reading, over all of its exec channels."""

    def __init__(self, called: str, limits: Timeouts, seconds: float, *, received: int = 0) -> None:
        """Start with `seconds` until the deadline. `received` replaces the limit of bytes."""
        self.called = called
        self.deadline = time.monotonic() + seconds
        self._bytes = received or limits.received
        self._frames = limits.frames
        self._limit = self._bytes

    def allow(self, seconds: float) -> None:
        """Set the deadline to so many seconds from now."""
        self.deadline = time.monotonic() + seconds

    def spend(self, size: int, frames: int) -> None:
        """Subtract what was received.

        Raises:
            ProtocolError: a limit is exceeded.
        """
        self._bytes -= size
        self._frames -= frames
        if self._bytes < 0:
            raise breach(self.called, f"sent more than {self._limit >> 20} MiB")
        if self._frames < 0:
            raise breach(self.called, "sent too many frames")

    def check(self) -> None:
        """Check the deadline.

        Raises:
            ProtocolError: it has passed.
        """
        if time.monotonic() >= self.deadline:
            raise breach(self.called, "answers, but did not finish within the time limits of its commands")


class Answers:
    """The stdout of one exec channel. Output before the first frame is from the login shell: noise."""

    def __init__(
        self, link: Link, exec_: Exec, nonce: str, *, limits: Timeouts, budget: Budget, first: Collection[str]
    ) -> None:
        """`first`: the verbs that the first frame may have."""
        self._link, self._exec, self._limits, self._budget, self._first = link, exec_, limits, budget, first
        self._decoder = Decoder(nonce)
        self._received_at = time.monotonic()
        self._noisy = 0
        self.greeted = False
        self.noise = b""
        """The last output of the login shell."""

    def receive(self, wake: float = math.inf) -> list[Frame | bytes]:
        """Return the next frames and data; an empty list once it is `wake` (a monotonic time).

        Raises:
            CutError: the connection broke, or is silent.
            SilentShellError: no greeting in time.
            NoShellError: the command ended without a greeting.
            ProtocolError: a limit is exceeded, or the first frame has another verb.
        """
        limit = self._limits.silence if self.greeted else self._limits.hello
        deadline = self._budget.deadline if self.greeted else math.inf
        until = min(self._received_at + limit, deadline, wake)
        data = self._exec.receive(max(until - time.monotonic(), 0.01))
        if data == b"":
            raise self._ended()
        found = self._decode(data) if data else []
        if self.greeted and data:
            self._received_at = time.monotonic()
        elif time.monotonic() >= self._received_at + limit or self._noisy > self._limits.noise:
            raise self._silent(limit)
        if self.greeted:
            self._budget.check()
        return found

    def count_noise(self, data: bytes) -> None:
        """Count output of the login shell, and keep the end of it."""
        self._noisy += len(data)
        self.noise = (self.noise + data[-NOISE:])[-NOISE:]

    def _decode(self, data: bytes) -> list[Frame | bytes]:
        pieces = self._decoder.feed(data)
        self._budget.spend(len(data), sum(isinstance(piece, Frame) for piece in pieces))
        if self.greeted:
            return pieces
        for number, piece in enumerate(pieces):
            if isinstance(piece, bytes):
                self.count_noise(piece)
            elif piece.verb in self._first:
                self.greeted = self._link.greeted = True
                return pieces[number:]
            elif piece.verb != "hb":
                raise breach(self._budget.called, "did not start with a greeting")
        return []

    def _ended(self) -> Exception:
        if not self.greeted and self._exec.exit_status(min(_STATUS, self._limits.hello)) is not None:
            return no_shell(self._link.endpoint, self.noise)
        return CutError("the channel was closed")

    def _silent(self, seconds: float) -> Exception:
        self._link.close()
        if self.greeted:
            return CutError(f"no data for {seconds:.0f} s")
        return never_greeted(self._link.endpoint, seconds, self.noise)
