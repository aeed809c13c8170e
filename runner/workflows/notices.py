"""Notify the crew: find what it has to know in the ledger, queue it for each channel, and send it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from runner.deliver import Delivery, send_notices
from runner.errors import SitecrewError, UnknownNameError
from runner.inspect.windows import recorded_schedule
from runner.model import Outcome
from runner.notify import (
    Notice,
    Opening,
    SiteEnd,
    WindowEnd,
    announcements_notice,
    approval_notice,
    missed_notice,
    reports_notice,
    urgent_notice,
    window_notice,
)
from runner.plan.findings import CANNOT_VERIFY
from runner.record import DeliveryKind
from runner.workflows.approvals import planned_opening
from runner.workflows.crew import messages, transports

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger, SiteView, WindowView

__all__ = ["CrewNotifier", "last_window"]

_BETWEEN_URGENT = timedelta(minutes=15)
"""Shortest time between two urgent notices of a window."""
_AFTER_CHANGES = frozenset({"after", "undo"})
_DECISION = f"held because {CANNOT_VERIFY}"


@dataclass(frozen=True, slots=True)
class _Found:
    """An opening that the crew is not notified of yet."""

    end: WindowEnd
    ended: bool


class CrewNotifier:
    """Queues and sends notices.

    Args:
        ledger: the ledger.
        read: returns the workspace with the channels.
        not_resumed: returns the runs of dead processes that cannot be resumed, each with the error.
        planning: returns windows and starts of the openings that are being planned by this process.
    """

    def __init__(
        self,
        ledger: Ledger,
        read: Callable[[], Workspace],
        not_resumed: Callable[[], Mapping[str, SitecrewError]] = dict,
        planning: Callable[[], frozenset[tuple[str, datetime]]] = frozenset,
    ) -> None:
        self._ledger, self._read, self._not_resumed = ledger, read, not_resumed
        self._planning = planning

    def queue_due(self, now: datetime | None = None) -> None:
        """Queue a notice for everything that the crew has to know and is not notified of yet.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        now = now or datetime.now(UTC)
        notices = self._ledger.notices
        if missed := notices.missed():
            notices.of_missed(missed, messages(self._read(), missed_notice(missed), now), now)
        if reports := notices.undelivered_reports():
            notice = reports_notice([(client, period) for _, client, period in reports], now)
            notices.of_undelivered([name for name, _, _ in reports], messages(self._read(), notice, now), now)
        if late := notices.undelivered_announcements():
            notice = announcements_notice([row[1:] for row in late], now)
            notices.of_undelivered([row[0] for row in late], messages(self._read(), notice, now), now)
        self._queue_approvals(now)
        for found in _unnoticed(self._ledger, self._not_resumed()):
            self._queue_window(found, now)

    def queue(self, notice: Notice, now: datetime | None = None) -> None:
        """Queue a notice of something that the ledger does not record.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        now = now or datetime.now(UTC)
        self._ledger.notices.queue(messages(self._read(), notice, now), now)

    def send(self, *, waiting: bool = True) -> Iterator[Delivery]:
        """Send the notices that are due, or all that are queued; yield the results."""
        return send_notices(self._ledger, transports(self._read()), waiting=waiting)

    def _queue_approvals(self, now: datetime) -> None:
        """Queue a notice for each opening with new plans, when all of them are made."""
        found = self._ledger.approvals.unnoticed()
        planning = self._planning() if found else frozenset()
        for key, group in groupby(
            sorted(found, key=lambda one: (one.window, one.starts)), key=lambda one: (one.window, one.starts)
        ):
            if key in planning:
                continue
            views = list(group)
            current = [one for one in views if not one.decided and now <= one.until]
            made = tuple(planned_opening(self._read(), self._ledger, one) for one in current)
            new = messages(self._read(), approval_notice(made), now) if made else ()
            self._ledger.notices.of_approvals(views, new, now)

    def _queue_window(self, found: _Found, now: datetime) -> None:
        end, workspace = found.end, self._read()
        if found.ended:
            notice = window_notice(end, quiet=workspace.settings.crew.quiet)
            made = messages(workspace, notice, now) if notice else ()
            self._ledger.notices.of_opening(end.window, end.starts, made, now)
            return
        if not any(site.urgent for site in end.sites):
            return
        since = self._last_urgent(end)
        notice = urgent_notice(end, since)
        if notice and (since is None or now - since >= _BETWEEN_URGENT):
            self._ledger.notices.queue(messages(workspace, notice, now), now)

    def _last_urgent(self, end: WindowEnd) -> datetime | None:
        """Return when the last urgent notice of an opening was queued."""
        mine = f"urgent {end.window} "
        sent = self._ledger.deliveries.list(kind=DeliveryKind.NOTICE, since=end.starts)
        found = [one.created for one in sent if one.topic.startswith(mine)]
        return max(found, default=None)


def last_window(ledger: Ledger, name: str | None, *, quiet: bool) -> Notice | None:
    """Return the notice of the last opening of a window, or of any; None if there is nothing to notify of."""
    rows = ledger.windows.list(name, limit=1)
    if not rows:
        return None
    starts, window = rows[0].starts, rows[0].window
    same = [row for row in ledger.windows.list(window, since=starts) if row.starts == starts]
    return window_notice(_window_end(ledger, same, {}), quiet=quiet)


def _unnoticed(ledger: Ledger, not_resumed: Mapping[str, SitecrewError]) -> Iterator[_Found]:
    """Yield the openings that the crew is not notified of yet, each for all its clients."""
    rows = ledger.notices.openings()
    if not rows:
        return
    open_runs = {run.run for run in ledger.runs.list_unfinished(trigger="window")} - set(not_resumed)
    schedules = [recorded_schedule(view) for view in ledger.windows.schedules().in_force]
    ordered = sorted(rows, key=lambda row: (row.starts, row.window))
    for (starts, window), group in groupby(ordered, key=lambda row: (row.starts, row.window)):
        same = list(group)
        undecided = any(
            opening.starts == starts
            for one in schedules
            if one.key[0] == window
            for opening in one.undecided(starts)
        )
        ended = not undecided and not any(row.run in open_runs for row in same)
        yield _Found(_window_end(ledger, same, not_resumed), ended)


def _window_end(
    ledger: Ledger, rows: list[WindowView], not_resumed: Mapping[str, SitecrewError]
) -> WindowEnd:
    openings = []
    for row in rows:
        error = not_resumed.get(row.run or "")
        stuck = error.with_hint if error else ""
        sites = _sites(ledger, row.run) if row.run else ()
        openings.append(
            Opening(client=row.client, state=row.state, why=row.why, run=row.run, stuck=stuck, sites=sites)
        )
    return WindowEnd(window=rows[0].window, starts=rows[0].starts, openings=tuple(openings))


def _sites(ledger: Ledger, run: str) -> tuple[SiteEnd, ...]:
    """Return the sites of a run; none if it was erased."""
    try:
        view = ledger.runs.show(run)
    except UnknownNameError:
        return ()
    return tuple(_site(run, site) for site in view.sites)


def _site(run: str, site: SiteView) -> SiteEnd:
    row = site.row
    held = tuple(
        f"{change.title or change.item}: {change.why}"
        for step in site.steps
        for change in step.changes
        if change.outcome is Outcome.HELD and change.why.startswith(_DECISION)
    )
    return SiteEnd(
        site=row.site,
        client=row.client,
        run=run,
        outcome=row.outcome,
        why=row.why or "; ".join(site.problems),
        finished=row.finished,
        broken=row.outcome is Outcome.FAILED and _is_unhealthy(site),
        held=held,
    )


def _is_unhealthy(site: SiteView) -> bool:
    """Whether the last look with a verdict, after a change or a rollback, found the site unhealthy."""
    judged = [look for look in site.looks if look.healthy is not None]
    last = max(judged, key=lambda look: look.at, default=None)
    return (
        last is not None
        and last.phase in _AFTER_CHANGES
        and not all(look.healthy for look in judged if (look.at, look.phase) == (last.at, last.phase))
    )
