"""Signals of commands that execute runs: Ctrl-C, SIGTERM, and SIGHUP when the terminal is closed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.workflows.run import Works

__all__ = ["Stops", "handle_signals"]


@contextmanager
def handle_signals(interrupt: Callable[[], object], hang_up: Callable[[], object]) -> Iterator[None]:
    """Call `interrupt` for SIGINT and SIGTERM, and `hang_up` for SIGHUP, unless that is ignored (nohup)."""

    def handler(number: int, frame: object) -> None:  # noqa: ARG001
        (hang_up if number == signal.SIGHUP else interrupt)()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, handler) for number in numbers
    }
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class _Terminal:
    """The terminal that a process was started on, if any."""

    def __init__(self) -> None:
        self._number = next((number for number in (0, 2, 1) if os.isatty(number)), None)

    @property
    def is_closed(self) -> bool:
        """Whether there was a terminal and it was closed; then SIGHUP is not a request to reload."""
        return self._number is not None and not os.isatty(self._number)


class Stops:
    """Stops the runs of this process: first finishes their sites, then cancels them, then exits."""

    def __init__(self, session: Session, works: Works) -> None:
        self._session, self._works = session, works
        self._terminal = _Terminal()
        self.requested = threading.Event()
        """Set by the first request."""
        self._cancelling = False

    def interrupt(self) -> None:
        """Handle Ctrl-C or SIGTERM."""
        if self._cancelling:
            raise KeyboardInterrupt
        if not self.requested.is_set():
            self._drain()
            return
        self._cancelling = True
        for run in tuple(self._works.in_hand):
            self._session.cancel(run)

    def hang_up(self, otherwise: Callable[[], object] | None = None) -> None:
        """Handle SIGHUP: finish the sites in progress, or call `otherwise` unless the terminal was closed."""
        if otherwise is None or self._terminal.is_closed:
            self._drain()
        else:
            otherwise()

    def _drain(self) -> None:
        self._session.draining.set()
        self.requested.set()
