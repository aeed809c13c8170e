"""Limits on blocks that may hang: a function is called when one takes too long."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Watchdog"]


class Watchdog:
    """Watches any number of blocks with one thread, which a `threading.Timer` would need for each."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._watched: dict[object, tuple[float, Callable[[], object]]] = {}
        """By block: when it is overdue, and what to call then."""
        self._wakes = math.inf
        """When the thread wakes up; it is started with the first block."""
        self._started = False

    @contextmanager
    def watch(self, seconds: float, overdue: Callable[[], object]) -> Iterator[None]:
        """Call `overdue` once, in a thread of its own, if the block takes longer than `seconds`."""
        block, until = object(), time.monotonic() + seconds
        with self._change:
            self._watched[block] = (until, overdue)
            if until < self._wakes:
                self._wake(until)
        try:
            yield
        finally:
            with self._change:
                self._watched.pop(block, None)

    def _wake(self, at: float) -> None:
        """Make the thread wake up at that time."""
        self._wakes = at
        if self._started:
            self._change.notify()
        else:
            self._started = True
            threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        with self._change:
            while True:
                now = time.monotonic()
                for block, (until, overdue) in tuple(self._watched.items()):
                    if until <= now:
                        del self._watched[block]
                        threading.Thread(target=overdue, name="overdue", daemon=True).start()
                self._wakes = min((until for until, _ in self._watched.values()), default=math.inf)
                self._change.wait(None if math.isinf(self._wakes) else self._wakes - now)
