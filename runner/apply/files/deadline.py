"""When an upload must stop: the run ends, or the step's time limit has passed."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, cast

from runner.model import Outcome, Step

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["Deadline", "StoppedError"]


class StoppedError(Exception):
    """The upload was stopped; the next one continues with what arrived."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


class Deadline:
    """The end of a step's time limit, counted from now."""

    def __init__(self, ctx: SiteContext, step: Step) -> None:
        self._stop = ctx.stop
        self._limit = (step.timeout or ctx.order.limits.step).total_seconds()
        self._end = time.monotonic() + self._limit

    def check(self) -> None:
        """Raise if the upload must stop.

        Raises:
            StoppedError: the run is cancelled, its window closes, or the time limit has passed.
        """
        if self._stop.asked.is_set():
            raise StoppedError(Outcome.CANCELLED, self._stop.why)
        if time.monotonic() > self._end:
            why = f"the upload took longer than its time limit of {self._limit:.0f} s"
            raise StoppedError(Outcome.FAILED, f"{why}; the next upload continues with what arrived")

    def checked(self, out: IO[bytes]) -> IO[bytes]:
        """Return a file that calls `check` before each write to `out`."""
        return cast("IO[bytes]", _CheckedFile(self, out))


class _CheckedFile:
    def __init__(self, deadline: Deadline, out: IO[bytes]) -> None:
        self._deadline, self._out = deadline, out

    def write(self, data: bytes) -> int:
        self._deadline.check()
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()
