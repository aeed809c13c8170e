"""The one reader of what an exec says: frames and data in their order, within limits of time and size."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from runner.errors import ProtocolError
from runner.execute.frames import Decoder, Frame
from runner.execute.link import CutError
from runner.execute.noshell import NOISE, never_greeted, no_shell

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.execute.limits import Limits
    from runner.execute.link import Exec, Link

__all__ = ["Answers", "Budget", "breach"]

_STATUS = 10.0
"""Seconds between the end of a command's output and its exit status."""


def breach(called: str, what: str) -> ProtocolError:
    """The error for a host that breaks the protocol; `what` completes "the host ..."."""
    return ProtocolError(
        f"{called}: the host {what}",
        hint="Its answers cannot be trusted: is it hacked, or does something else answer there?",
    )


class Budget:
    """What is left of the limits for one piece of work, over all of its execs."""

    def __init__(self, called: str, limits: Limits, seconds: float, *, received: int = 0) -> None:
        """`seconds` from now until the deadline; `received` replaces the limit of bytes."""
        self.called = called
        self.deadline = time.monotonic() + seconds
        self._bytes = received or limits.received
        self._frames = limits.frames
        self._limit = self._bytes

    def allow(self, seconds: float) -> None:
        """Set the deadline anew, from now."""
        self.deadline = time.monotonic() + seconds

    def spend(self, size: int, frames: int) -> None:
        """Count what came.

        Raises:
            ProtocolError: it is too much.
        """
        self._bytes -= size
        self._frames -= frames
        if self._bytes < 0:
            raise breach(self.called, f"sent more than {self._limit >> 20} MiB")
        if self._frames < 0:
            raise breach(self.called, "sends frames without end")

    def check(self) -> None:
        """Raise when the deadline has passed.

        Raises:
            ProtocolError: it has.
        """
        if time.monotonic() >= self.deadline:
            raise breach(self.called, "answers, and does not finish within the time limits of its tasks")


class Answers:
    """Stdout of one exec. Before the first frame it is the login that speaks: that is kept apart."""

    def __init__(
        self, link: Link, exec_: Exec, nonce: str, *, limits: Limits, budget: Budget, first: Collection[str]
    ) -> None:
        """`first` holds the verbs of which one must come first."""
        self._link, self._exec, self._limits, self._budget, self._first = link, exec_, limits, budget, first
        self._decoder = Decoder(nonce)
        self._heard = time.monotonic()
        self._noisy = 0
        self.greeted = False
        self.noise = b""
        """The end of what the login said."""

    def receive(self, wake: float = math.inf) -> list[Frame | bytes]:
        """What comes next; nothing when it is `wake` (a monotonic time) before.

        Raises:
            CutError: the link broke, or is silent.
            SilentShellError: no greeting in time.
            NoShellError: the command ended without a greeting.
            ProtocolError: a limit was passed, or another frame came first.
        """
        limit = self._limits.silence if self.greeted else self._limits.hello
        deadline = self._budget.deadline if self.greeted else math.inf
        until = min(self._heard + limit, deadline, wake)
        data = self._exec.receive(max(until - time.monotonic(), 0.01))
        if data == b"":
            raise self._ended()
        found = self._understand(data) if data else []
        if self.greeted and data:
            self._heard = time.monotonic()
        elif time.monotonic() >= self._heard + limit or self._noisy > self._limits.noise:
            raise self._silent(limit)
        if self.greeted:
            self._budget.check()
        return found

    def hear_noise(self, data: bytes) -> None:
        """Count and keep what the login says."""
        self._noisy += len(data)
        self.noise = (self.noise + data[-NOISE:])[-NOISE:]

    def _understand(self, data: bytes) -> list[Frame | bytes]:
        pieces = self._decoder.feed(data)
        self._budget.spend(len(data), sum(isinstance(piece, Frame) for piece in pieces))
        if self.greeted:
            return pieces
        for number, piece in enumerate(pieces):
            if isinstance(piece, bytes):
                self.hear_noise(piece)
            elif piece.verb in self._first:
                self.greeted = self._link.greeted = True
                return pieces[number:]
            elif piece.verb != "hb":
                raise breach(self._budget.called, "does not begin with a greeting")
        return []

    def _ended(self) -> Exception:
        if not self.greeted and self._exec.exit_status(min(_STATUS, self._limits.hello)) is not None:
            return no_shell(self._link.endpoint, self.noise)
        return CutError("the exec ended")

    def _silent(self, seconds: float) -> Exception:
        self._link.close()
        if self.greeted:
            return CutError(f"nothing heard for {seconds:.0f} s")
        return never_greeted(self._link.endpoint, seconds, self.noise)
