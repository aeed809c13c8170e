"""When sending must stop: the run is cancelled, or the step's time is over."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, cast

from runner.model import Outcome, Step

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["Patience", "StoppedError"]


class StoppedError(Exception):
    """Sending was given up; what arrived is used the next time."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


class Patience:
    """The time that a step has, from now."""

    def __init__(self, ctx: SiteContext, step: Step) -> None:
        self._stopped = ctx.stop.asked
        self._limit = (step.timeout or ctx.order.limits.step).total_seconds()
        self._end = time.monotonic() + self._limit

    def check(self) -> None:
        """Go on only while there is time.

        Raises:
            StoppedError: there is none left.
        """
        if self._stopped.is_set():
            raise StoppedError(Outcome.CANCELLED, "the run was cancelled")
        if time.monotonic() > self._end:
            why = f"sending took longer than its time limit of {self._limit:.0f} s"
            raise StoppedError(Outcome.FAILED, f"{why}; what arrived is used next time")

    def over(self, out: IO[bytes]) -> IO[bytes]:
        """A file that checks before each piece."""
        return cast("IO[bytes]", _Checked(self, out))


class _Checked:
    def __init__(self, patience: Patience, out: IO[bytes]) -> None:
        self._patience, self._out = patience, out

    def write(self, data: bytes) -> int:
        self._patience.check()
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()
