"""Openings of a client's windows that were due in a period, for its report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from runner.inspect.windows import recorded_schedule, window_row
from runner.model import Inventory
from runner.plan.schedules import Opening, Planned, RecordedSchedule, late_openings, planned
from runner.record import History, WhyNot, WindowState, WindowView
from runner.report import DueWindows

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["due_windows"]


def due_windows(
    ledger: Ledger, inventory: Inventory, client: str, history: History, now: datetime
) -> DueWindows:
    """Return the openings that were due for a client in the period of its history and are over.

    A window that no scheduler ever recorded counts as it is in the inventory now, from the first record of
    the client's sites. An opening counts as run if its playbook was started in it by hand.

    Raises:
        UnknownNameError: a window names sites that are not in the inventory.
    """
    schedules = ledger.windows.schedules_of(client)
    recorded = {view.window for view in schedules}
    due = [
        _row(opening, history, now, one)
        for view in schedules
        if (one := recorded_schedule(view)).planned
        for opening in late_openings(
            one.planned, max(view.since, history.start), min(view.until or history.end, history.end), now
        )
    ]
    unattended = [
        _row(opening, history, now)
        for one in _unrecorded(inventory, client, recorded)
        if history.since
        for opening in late_openings(one, max(history.since, history.start), history.end, now)
    ]
    return DueWindows(tuple(due), tuple(unattended))


def _unrecorded(inventory: Inventory, client: str, recorded: set[str]) -> Iterator[Planned]:
    for window in inventory.windows.values():
        if window.name not in recorded:
            yield from (one for one in planned(inventory, window) if one.client == client)


def _row(
    opening: Opening, history: History, now: datetime, schedule: RecordedSchedule | None = None
) -> WindowView:
    """Return the result of an opening that no scheduler recorded."""
    playbook, closes = opening.planned.window.playbook, opening.occurrence.closes
    if opening.blackout:
        return window_row(opening, WindowState.SKIPPED, WhyNot.BLACKOUT, now)
    if schedule and (pause := schedule.pause_of(opening, now)):
        return window_row(opening, WindowState.SKIPPED, pause.reason, now)
    for run in history.runs:
        if run.playbook == playbook and opening.starts <= run.started < closes:
            return window_row(opening, WindowState.RUN, "", now, run=run.run)
    return window_row(opening, WindowState.MISSED, WhyNot.ABSENT, now)
