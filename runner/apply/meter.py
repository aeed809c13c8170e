"""Measure a transfer and emit its progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from runner.apply.journal import Journal
    from runner.model import Phase

__all__ = ["Meter"]

_INTERVAL = 1.0
"""Seconds between two events."""
_SAMPLES = 10
"""Intervals over which the rate is measured."""


class Meter:
    """Counts the bytes of a transfer and emits `step.progress`: first the phase, then at most once a second.

    Args:
        journal: of the site.
        step: id of the step.
        phase: what the step is doing.
        total: bytes to transfer, or an estimate; None if unknown.
        clock: returns seconds.
    """

    def __init__(
        self,
        journal: Journal,
        step: str,
        phase: Phase,
        *,
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._step, self._phase = journal, step, phase
        self._total, self._clock = total, clock
        self._bytes = 0
        self._samples = deque([(clock(), 0)], maxlen=_SAMPLES + 1)
        journal.progress(step, phase)

    def add(self, size: int) -> None:
        """Count bytes that were transferred."""
        self._bytes += size
        now = self._clock()
        if now - self._samples[-1][0] >= _INTERVAL:
            self._samples.append((now, self._bytes))
            self._emit()

    def counted(self, source: IO[bytes]) -> IO[bytes]:
        """Return a file that counts what is read from `source`."""
        return cast("IO[bytes]", _CountedFile(self, source))

    def _emit(self) -> None:
        (first, before), (last, _) = self._samples[0], self._samples[-1]
        rate = int((self._bytes - before) / (last - first))
        found = {"bytes": self._bytes, "rate": rate}
        if self._total is not None and self._total >= self._bytes:
            found["bytes_total"] = self._total
            if rate:
                found["seconds_left"] = round((self._total - self._bytes) / rate)
        self._journal.progress(self._step, self._phase, **found)


class _CountedFile:
    def __init__(self, meter: Meter, source: IO[bytes]) -> None:
        self._meter, self._source = meter, source

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._meter.add(len(data))
        return data
