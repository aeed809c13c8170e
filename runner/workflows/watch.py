"""Notify the crew from a running scheduler, also if the ledger cannot be written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import LedgerError, SitecrewError
from runner.hosts.boundary import UnexpectedError, reported
from runner.notify import Notice, files_notice, scheduler_notice
from runner.workflows.crew import send_now

if TYPE_CHECKING:
    from runner.deliver import Delivery
    from runner.workflows.notices import CrewNotifier
    from runner.workflows.reload import WorkspaceFiles
    from runner.workflows.scheduler import Health

__all__ = ["CrewWatch", "LastingProblem"]

_FILES_PATIENCE, _SCHEDULER_PATIENCE = timedelta(minutes=5), timedelta(minutes=2)
"""How long a problem lasts before the crew is notified."""
_BETWEEN_DIRECT = 3600.0
"""Seconds between two notices that are sent without being recorded."""


class LastingProblem:
    """Returns a notice when a problem has lasted for some time, and another one when it has ended."""

    def __init__(self, notice: Callable[[str, datetime], Notice], patience: timedelta) -> None:
        self._notice, self._patience = notice, patience
        self._since: datetime | None = None
        self._notified = False

    def observe(self, problem: str, now: datetime, *, final: bool = False) -> Notice | None:
        """Return the notice that is due. A `final` problem does not have to last."""
        if not problem:
            ended, self._since, self._notified = self._notified, None, False
            return self._notice("", now) if ended else None
        self._since = self._since or now
        if self._notified or not (final or now - self._since >= self._patience):
            return None
        self._notified = True
        return self._notice(problem, self._since)


def _log(error: Exception | None) -> None:
    """Log an unexpected error, which the next turn may not have."""
    if error is not None and not isinstance(error, SitecrewError):
        UnexpectedError.of(error)


class CrewWatch:
    """What `serve` does for the crew every few seconds."""

    def __init__(self, notifier: CrewNotifier, files: WorkspaceFiles, health: Health) -> None:
        self._notifier, self._files, self._health = notifier, files, health
        self._files_problem = LastingProblem(files_notice, _FILES_PATIENCE)
        self._scheduler_problem = LastingProblem(scheduler_notice, _SCHEDULER_PATIENCE)
        self._sent_directly: float | None = None

    def turn(self, show: Callable[[Delivery], object]) -> None:
        """Queue and send what is due, and call `show` with each result. It raises nothing."""
        reported(partial(self._turn, show), _log)

    def _turn(self, show: Callable[[Delivery], object]) -> None:
        now = datetime.now(UTC)
        problem = self._health.scheduler_problem()
        text, final = (problem.text, problem.final) if problem else ("", False)
        observed = (
            self._files_problem.observe(self._files.problem, now),
            self._scheduler_problem.observe(text, now, final=final),
        )
        notices = [notice for notice in observed if notice]
        try:
            for notice in notices:
                self._notifier.queue(notice, now)
            self._notifier.queue_due(now)
            for delivery in self._notifier.send():
                show(delivery)
        except LedgerError:
            self._send_directly(notices, now)

    def _send_directly(self, notices: Iterable[Notice], now: datetime) -> None:
        """Send notices without recording them, at most once an hour; the others are lost."""
        for notice in notices:
            if self._sent_directly is None or time.monotonic() - self._sent_directly >= _BETWEEN_DIRECT:
                self._sent_directly = time.monotonic()
                list(send_now(self._files.last, notice, now))
