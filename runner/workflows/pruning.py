"""Prune what is older than `retention`: the ledger and the engine's rows. In `serve`, once a day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runner.plan import cutoffs
from runner.workflows.engine_database import EngineRows

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger, Pruned
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Scheduler

__all__ = ["DailyPruning", "prune", "pruned_today"]

_DAILY = timedelta(hours=24)
_LATEST = timedelta(hours=48)
"""After this time, pruning no longer waits for a quiet time."""
_BEFORE_WINDOW = timedelta(minutes=30)
_ENGINE_DAYS = timedelta(days=2)
"""The engine's rows of ended runs are of no use; two days leave time to look for the cause of a problem."""
_PAUSE = 0.05
"""Seconds between two transactions, in which other processes can write."""


def prune(workspace: Workspace, ledger: Ledger, now: datetime, stop: threading.Event | None = None) -> Pruned:
    """Prune the ledger and the engine's rows, in short transactions, until it is done or `stop` is set.

    Raises:
        LedgerError, EngineError: they cannot be read or written.
    """
    stop = stop or threading.Event()
    settings = workspace.settings
    found = ledger.pruning.prune(cutoffs(settings.retention, now), stopped=lambda: stop.wait(_PAUSE))
    if not stop.is_set():
        open_runs = frozenset(run.run for run in ledger.runs.list_unfinished())
        alive = frozenset(lease.executor for lease in ledger.leases.list_unreleased())
        EngineRows(settings.ledger).delete(now - _ENGINE_DAYS, keep=open_runs, alive=alive)
    return found


def pruned_today(ledger: Ledger, now: datetime, within: timedelta = _DAILY) -> bool:
    """Whether the ledger was pruned in the last 24 hours."""
    last = ledger.pruning.last(now)
    return last is not None and now - last < within


class DailyPruning:
    """Prunes once a day, while no run is in progress and no window is about to open.

    Args:
        ledger: the ledger.
        scheduler: knows the next window.
        works: knows the runs in progress.
        read: returns the workspace.
    """

    def __init__(
        self, ledger: Ledger, scheduler: Scheduler, works: Works, read: Callable[[], Workspace]
    ) -> None:
        self._ledger, self._scheduler, self._works, self._read = ledger, scheduler, works, read

    def turn(self, now: datetime, stop: threading.Event) -> Pruned | None:
        """Prune if it is time; return what was pruned, None if it is not.

        Raises:
            LedgerError, EngineError: they cannot be read or written.
        """
        if pruned_today(self._ledger, now):
            return None
        if not self._is_quiet(now) and pruned_today(self._ledger, now, _LATEST):
            return None
        return prune(self._read(), self._ledger, now, stop)

    def _is_quiet(self, now: datetime) -> bool:
        opening = self._scheduler.next_opening
        return not self._works.in_hand and (opening is None or opening.due - now > _BEFORE_WINDOW)
