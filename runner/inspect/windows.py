"""Check by `doctor` that a scheduler runs the windows of the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.load import thaw_as, thaw_periods
from runner.model import Calendar, Site, Window
from runner.plan import past_windows
from runner.plan.schedules import Opening, Planned, RecordedSchedule, planned
from runner.record import Ledger, ScheduleView, WindowState, WindowView
from runner.units import utc
from runner.untrusted import few

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["about_windows", "recorded_schedule", "window_row"]

_START = "start `sitecrew serve`, or let a timer run `sitecrew tick` every minute"
_NAMED = 3


def about_windows(
    workspace: Workspace, sites: Sequence[Site], now: datetime | None = None
) -> Iterator[Check]:
    """Yield windows of the sites' clients that no scheduler has recorded yet, and openings that were missed.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    now = now or datetime.now(UTC)
    inventory = workspace.inventory
    clients = {site.client for site in sites}
    found = (one for window in inventory.windows.values() for one in planned(inventory, window))
    every = [one for one in found if one.client in clients]
    named = {one.window.name for one in every}
    for window, last in past_windows(inventory, now):
        if window.name in named:
            finding = f"window {window.name} does not open again: {last} has passed"
            yield Check(about="windows", finding=finding, hint="delete it, or give it a new date")
    if not every:
        return
    recorded = _recorded(workspace)
    if new := [one for one in every if one.key not in recorded]:
        yield Check(about="windows", finding=f"no scheduler has picked up {_named(new)} yet", hint=_START)
    passed = [
        opening for one in every if one.key in recorded and (opening := _passed(recorded[one.key], now))
    ]
    if passed:
        first = min(passed, key=lambda one: one.starts)
        yield Check(
            about="windows",
            finding=f"no scheduler is running: {_named([one.planned for one in passed])} opened but did not "
            f"start, first on {utc(first.starts)}",
            code=ExitCode.FAILED,
            hint=_START,
        )


def _recorded(workspace: Workspace) -> Mapping[tuple[str, str], RecordedSchedule]:
    ledger = Ledger.open(workspace.settings.ledger, read_only=True)
    try:
        found = [recorded_schedule(view) for view in ledger.windows.schedules().in_force]
    finally:
        ledger.close()
    return {one.key: one for one in found}


def _passed(schedule: RecordedSchedule, now: datetime) -> Opening | None:
    """Return the first undecided opening that is too late to start."""
    return next((one for one in schedule.undecided(now) if one.is_late(now)), None)


def _named(windows: list[Planned]) -> str:
    return few([f"window {one.window.name} of {one.client}" for one in windows], _NAMED)


def recorded_schedule(view: ScheduleView) -> RecordedSchedule:
    """Return a recorded schedule; `planned` is None if this version cannot read the definition."""
    try:
        window = _thaw_window(view) if view.definition else None
    except ValueError:
        window = None
    return RecordedSchedule(
        id=view.id,
        key=(view.window, view.client),
        settled=view.settled,
        planned=Planned(window, view.client) if window else None,
        pauses=view.pauses,
        approvals=view.approvals,
    )


def _thaw_window(view: ScheduleView) -> Window:
    calendars = tuple(Calendar(digest, thaw_periods(text)) for digest, text in view.calendars.items())
    window = thaw_as(Window, {**(view.definition or {}), "calendars": ()})
    return replace(window, calendars=calendars)


def window_row(
    opening: Opening, state: WindowState, why: str, now: datetime, *, run: str | None = None
) -> WindowView:
    """Return the row for the ledger that records the result of an opening."""
    return WindowView(
        window=opening.planned.window.name,
        client=opening.planned.client,
        site="",
        starts=opening.starts,
        closes=opening.occurrence.closes,
        state=state,
        run=run,
        why=why,
        recorded=now,
    )
