"""Cancellation of a run: nothing more of it is started, and its running jobs are stopped."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runner.execute import Control

__all__ = ["Cancellation"]


class Cancellation:
    """The cancellation of one run in one process; it cannot be withdrawn."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._asked_at = math.inf
        self._controls: set[Control] = set()
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Cancel the run: stop its running jobs. Their hosts confirm it to the threads that follow them."""
        self._asked_at = min(self._asked_at, time.monotonic())
        self.asked.set()
        with self._lock:
            controls = tuple(self._controls)
        for control in controls:
            control.cancel()

    def is_overdue(self, seconds: float) -> bool:
        """Whether the run was cancelled more than so many seconds ago."""
        return time.monotonic() - self._asked_at > seconds

    @contextmanager
    def controlling(self) -> Iterator[Control]:
        """Return the control of a job, through which it is stopped when the run is cancelled."""
        control = Control()
        with self._lock:
            self._controls.add(control)
            if self.asked.is_set():
                control.cancel()
        try:
            yield control
        finally:
            with self._lock:
                self._controls.discard(control)
