"""Announce openings to clients from a running scheduler: decide, read the sites, record, mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from runner.deliver import Delivery, give_up_late
from runner.errors import SitecrewError
from runner.hosts.boundary import within
from runner.notify import Notice, announcement_notice
from runner.plan.announcements import (
    Announce,
    Announcements,
    Cancel,
    Rename,
    WindowsNow,
    announced_ahead,
    decide_announcements,
    reason_against,
)
from runner.plan.schedules import Opening, Planned, planned
from runner.record.mark import LedgerMark
from runner.workflows.announcement import (
    check_can_announce,
    make_announcement,
    make_cancellation,
    send_announcement,
    send_cancellation,
)

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["Announcer", "decide", "next_opening"]

_MOST = 1000
"""Openings of one window that are examined for the next one that will be started."""
_RETRY_AFTER = 900.0
"""Seconds after which an announcement that failed is tried again."""


def decide(workspace: Workspace, ledger: Ledger, now: datetime) -> Announcements:
    """Return which openings are to be announced, moved or cancelled now.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    inventory, policy = workspace.inventory, workspace.settings.policy
    windows = _planned(workspace)
    ahead = {one.key: announced_ahead(inventory, policy, one.window, one.client) for one in windows}
    announced = ledger.announcements.upcoming(now)
    if not announced and not any(ahead.values()):
        return Announcements()
    zones = {client.id: client.timezone for client in inventory.clients.values()}
    against = _against(ledger, now)
    current = WindowsNow(planned=windows, ahead=ahead, zones=zones, against=against)
    return decide_announcements(current, announced, now)


class Announcer:
    """Announces openings when it is time.

    Args:
        ledger: the ledger.
        read: returns the workspace.
        notify: queues a notice to the crew.
    """

    def __init__(
        self, ledger: Ledger, read: Callable[[], Workspace], notify: Callable[[Notice], object]
    ) -> None:
        self._ledger, self._read, self._notify = ledger, read, notify
        self._mark = LedgerMark(read().folder, ledger)
        self._idle: tuple[Workspace, object, datetime | None] | None = None
        """Workspace and revision of the ledger with which nothing was to be done until a time."""
        self._failed: dict[tuple[str, str, datetime], float] = {}
        """Announcements that failed, each with the monotonic time."""

    def turn(self, now: datetime | None = None) -> Iterator[Delivery]:
        """Send what is due; yield the messages that were tried or given up.

        An announcement that cannot be made is tried again later; the crew is notified of it once. Nothing is
        sent while an older ledger is not accepted: it may have been sent already.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        at = now or datetime.now(UTC)
        if self._mark.gap():
            return
        yield from give_up_late(self._ledger, at)
        answers = [(one.id, one.state) for one in self._ledger.approvals.list(since=at)]
        workspace, revision = self._read(), (self._ledger.windows.revision(), answers)
        if self._is_idle(workspace, revision, at):
            return
        found = decide(workspace, self._ledger, at)
        self._idle = None if found.actions else (workspace, revision, found.again)
        for action in found.actions:
            if self._may_try(action):
                sent = within(partial(self._apply, workspace, action, now))
                if isinstance(sent, SitecrewError):
                    self._fail(action, sent)
                elif sent:
                    yield sent

    def _is_idle(self, workspace: Workspace, revision: object, now: datetime) -> bool:
        if self._idle is None:
            return False
        before, known, until = self._idle
        return before is workspace and known == revision and (until is None or now < until)

    def _may_try(self, action: Announce | Cancel | Rename) -> bool:
        failed = self._failed.get(_key(action))
        return failed is None or time.monotonic() - failed >= _RETRY_AFTER

    def _apply(
        self, workspace: Workspace, action: Announce | Cancel | Rename, now: datetime | None
    ) -> Delivery | None:
        if isinstance(action, Rename):
            self._ledger.announcements.rename(action.announced.id, action.window, action.edition)
            return None
        check_can_announce(workspace, workspace.inventory.clients[_key(action)[1]])
        if isinstance(action, Cancel):
            made = make_cancellation(workspace, action.announced, action.why, action.next)
            return send_cancellation(workspace, self._ledger, made, action.announced)
        made = make_announcement(workspace, action.opening, moved_from=action.replaces)
        current = self._read()
        if action not in decide(current, self._ledger, now or datetime.now(UTC)).actions:
            return None  # reading the sites took a while: the next turn decides again
        return send_announcement(
            current, self._ledger, made, edition=action.edition, replaces=action.replaces
        )

    def _fail(self, action: Announce | Cancel | Rename, error: SitecrewError) -> None:
        self._failed[_key(action)] = time.monotonic()
        window, client, starts = _key(action)
        self._notify(announcement_notice(window, client, starts, error.with_hint))


def _key(action: Announce | Cancel | Rename) -> tuple[str, str, datetime]:
    """Return window, client and start of the opening."""
    if isinstance(action, Announce):
        return (*action.opening.planned.key, action.opening.starts)
    return action.announced.key


def next_opening(
    workspace: Workspace, ledger: Ledger, client: str, window: str | None, now: datetime
) -> Opening | None:
    """Return the client's next opening that will be started, of one window or of any; None if there is none.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    against = _against(ledger, now)
    mine = [one for one in _planned(workspace) if one.client == client and window in {None, one.window.name}]
    streams = (
        (opening for opening in islice(one.openings(now), _MOST) if not against(opening)) for one in mine
    )
    found = [first for stream in streams if (first := next(stream, None))]
    return min(found, key=lambda opening: opening.starts, default=None)


def _against(ledger: Ledger, now: datetime) -> Callable[[Opening], str]:
    """Return a function that returns why an opening will not be started, empty if it will."""
    pauses, approvals = ledger.pauses.in_force(now), ledger.approvals.list(since=now)
    return partial(reason_against, pauses=pauses, approvals=approvals)


def _planned(workspace: Workspace) -> list[Planned]:
    """Return every window for every client, without windows that cannot be planned."""
    found: list[Planned] = []
    for window in workspace.inventory.windows.values():
        some = within(partial(planned, workspace.inventory, window))
        found += () if isinstance(some, SitecrewError) else some
    return found
