"""Stopping a run: nothing more of it is begun, and each job in hand is told."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runner.execute import Control

__all__ = ["Cancellation"]


class Cancellation:
    """Of one run in one process; other runs go on. Once asked for, it stays so."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._asked_at = math.inf
        self._controls: set[Control] = set()
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Stop the jobs in hand. Their hosts confirm it to whoever follows them."""
        self._asked_at = min(self._asked_at, time.monotonic())
        self.asked.set()
        with self._lock:
            controls = tuple(self._controls)
        for control in controls:
            control.cancel()

    def is_overdue(self, seconds: float) -> bool:
        """Whether it was asked for longer ago than that."""
        return time.monotonic() - self._asked_at > seconds

    @contextmanager
    def controlling(self) -> Iterator[Control]:
        """A line to a job, through which it is stopped with the run."""
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
