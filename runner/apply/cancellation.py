"""Stopping a run: an operator cancels it, its window closes, or it is settled as its process has ended.

Nothing more is started then. An operator also stops running jobs. At the close, changes in progress are
rolled back in time, other steps are stopped, and packages are installed to the end. The jobs of a settled
run are followed to their end.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from runner.execute import Control
from runner.model import Outcome, StepOutcome
from runner.units import utc

__all__ = ["PROCESS_ENDED", "AtClose", "Cancellation", "Closing"]

PROCESS_ENDED = "the process that ran it ended"
"""Why an interrupted run is settled."""
_CANCELLED = "the run was cancelled"


class AtClose(Enum):
    """What happens to a running job when its window closes."""

    ROLL_BACK = "roll back"
    """It is stopped early enough for a rollback before the close."""
    STOP = "stop"
    """It is stopped at the close."""
    FINISH = "finish"
    """It runs to its end, as it must not be interrupted."""


@dataclass(frozen=True, slots=True)
class Closing:
    """When the window of a site closes."""

    rollback: datetime
    """From then on nothing is started, and changes in progress are rolled back."""
    closes: datetime

    @property
    def why(self) -> str:
        """The reason of what is not done."""
        return f"the window closes at {utc(self.closes)}"


class Cancellation:
    """The end of one run in one process, or of one of its sites; it cannot be withdrawn.

    Args:
        closing: when the window closes; None for a run without a window.
    """

    def __init__(self, closing: Closing | None = None) -> None:
        self.asked = threading.Event()
        """Set when nothing more is started."""
        self.over = threading.Event()
        """Set when work that is not rolled back must stop too."""
        self.why = _CANCELLED
        """The reason of what is not done."""
        self.at_close = False
        """Whether the reason is that the window closes."""
        self._closing = closing
        self._asked_at = math.inf
        self._controls: dict[Control, AtClose] = {}
        self._sites: dict[str, Cancellation] = {}
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether an operator has cancelled the run."""
        return self._asked_at < math.inf

    @property
    def is_settling(self) -> bool:
        """Whether nothing more is started, while running jobs are followed to their end."""
        return self.asked.is_set() and not (self.cancelled or self.at_close)

    @property
    def closed(self) -> bool:
        """Whether the window has closed."""
        return self.over.is_set() and self.at_close

    def of_site(self, site: str, closing: Closing) -> Cancellation:
        """Return the cancellation of one site of the run, which also ends as its window closes."""
        with self._lock:
            found = self._sites.setdefault(site, Cancellation(closing))
        if self.cancelled:
            found.ask()
        elif self.asked.is_set():
            found.settle()
        return found

    def ask(self) -> None:
        """Cancel the run: stop its running jobs. Their hosts confirm it to the threads that follow them."""
        self._asked_at = min(self._asked_at, time.monotonic())
        self.why = _CANCELLED
        self.asked.set()
        self.over.set()
        self._cancel(*AtClose)
        for site in self._list_sites():
            site.ask()

    def settle(self) -> None:
        """Start nothing more of an interrupted run, but follow its running jobs to their end."""
        self.why = PROCESS_ENDED
        self.asked.set()

    def close(self, now: datetime) -> None:
        """Stop what may no longer run at this time, as the window closes."""
        for site in self._list_sites():
            site.close(now)
        closing = self._closing
        if closing is None or now < closing.rollback:
            return
        with self._lock:
            if not self.asked.is_set():
                self.at_close, self.why = True, closing.why
        self.asked.set()
        self._cancel(AtClose.ROLL_BACK)
        if now >= closing.closes:
            self.over.set()
            self._cancel(AtClose.STOP)

    def is_overdue(self, seconds: float) -> bool:
        """Whether the run was cancelled more than so many seconds ago."""
        return time.monotonic() - self._asked_at > seconds

    def explain(self, outcome: StepOutcome) -> StepOutcome:
        """Return the outcome of a step. If the window closes, a stopped one gets the reason.

        One that had not started yet was missed.
        """
        if outcome.outcome is not Outcome.CANCELLED or not self.at_close:
            return outcome
        started = outcome.seconds is not None
        return replace(outcome, outcome=Outcome.CANCELLED if started else Outcome.MISSED, why=self.why)

    @contextmanager
    def controlling(self, at_close: AtClose = AtClose.STOP) -> Iterator[Control]:
        """Return the control of a job, through which it is stopped when the run is cancelled."""
        control = Control()
        with self._lock:
            self._controls[control] = at_close
        if self.cancelled:
            self._cancel(*AtClose)
        elif self.asked.is_set() and not self.is_settling:
            self._cancel(AtClose.ROLL_BACK, *([AtClose.STOP] if self.over.is_set() else []))
        try:
            yield control
        finally:
            with self._lock:
                self._controls.pop(control, None)

    def _list_sites(self) -> tuple[Cancellation, ...]:
        with self._lock:
            return tuple(self._sites.values())

    def _cancel(self, *kinds: AtClose) -> None:
        """Cancel the running jobs that react like this, each once."""
        with self._lock:
            found = [control for control, at_close in self._controls.items() if at_close in kinds]
            for control in found:
                del self._controls[control]
        for control in found:
            control.cancel()
