"""Which openings of windows are announced to clients, moved or cancelled, and when. Pure.

An announcement is sent by day, at least as long before the start as the inventory says. What was announced
is compared with the windows as they are now, until the opening starts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import chain, islice
from zoneinfo import ZoneInfo

from runner.model import Inventory, Policy, Window
from runner.plan.schedules import Opening, Planned
from runner.record import AnnouncementView, ApprovalState, ApprovalView, PauseView, WhyNot

__all__ = [
    "Announce",
    "Announcements",
    "Cancel",
    "Rename",
    "WindowsNow",
    "announce_at",
    "announced_ahead",
    "decide_announcements",
    "reason_against",
]

_MORNING, _EVENING = time(8), time(18)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_MOST = 100
"""Openings of one window that are examined at a time."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce an opening."""

    opening: Opening
    edition: int
    replaces: AnnouncementView | None = None
    """The announcement that no longer applies, since the time has changed."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Notify the client that an announced opening does not take place."""

    announced: AnnouncementView
    why: str
    """As it would be recorded for the opening; empty if the window was changed or removed."""
    next: Opening | None
    """The next opening of the window."""


@dataclass(frozen=True, slots=True)
class Rename:
    """The window has another name now; the client is not notified."""

    announced: AnnouncementView
    window: str
    edition: int


@dataclass(slots=True)
class Announcements:
    """What to do now, and when to decide again if nothing changes."""

    actions: list[Announce | Cancel | Rename] = field(default_factory=list)
    again: datetime | None = None
    """When the next opening is to be announced; None if there is none."""


def announced_ahead(inventory: Inventory, policy: Policy, window: Window, client: str) -> timedelta:
    """Return how long before its start a window is announced to a client; zero if it is not.

    It is not if the client or the window says so. Else the client's setting counts, then the window's, then
    the policy's.
    """
    given = [one for one in (inventory.clients[client].announce, window.announce) if one is not None]
    return timedelta(0) if timedelta(0) in given else next(iter(given), policy.announce)


def announce_at(starts: datetime, ahead: timedelta, zone: ZoneInfo) -> datetime:
    """Return when an opening is announced: `ahead` before it starts, or in the evening before that night."""
    there = (starts - ahead).astimezone(zone)
    if _MORNING <= there.time() <= _EVENING:
        return there.astimezone(UTC)
    day = there.date() if there.time() > _EVENING else there.date() - _DAY
    return datetime.combine(day, _EVENING, zone).astimezone(UTC)


def reason_against(
    opening: Opening, pauses: Iterable[PauseView], approvals: Iterable[ApprovalView] = ()
) -> str:
    """Return why an opening will not be started, as far as is known; empty if it will.

    An opening whose plan is declined is not started, unless it has sites that need no approval.
    """
    if opening.blackout:
        return WhyNot.BLACKOUT
    client = opening.planned.client
    paused = (one.reason for one in pauses if one.client == client and one.covers(opening.due))
    declined = (
        one.refusal
        for one in approvals
        if one.state is ApprovalState.DECLINED
        and not one.others
        and (one.window, one.client, one.starts) == _key(opening)
    )
    return next(chain(paused, declined), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsNow:
    """The windows as they are now."""

    planned: Sequence[Planned]
    """Every window for every client."""
    ahead: Mapping[tuple[str, str], timedelta]
    """By window and client, how long before its start it is announced; zero if it is not."""
    zones: Mapping[str, str]
    """The time zone of each client."""
    against: Callable[[Opening], str]
    """Returns why an opening will not be started, empty if it will."""


def decide_announcements(
    windows: WindowsNow, announced: Sequence[AnnouncementView], now: datetime
) -> Announcements:
    """Compare what was announced with the windows as they are now.

    Args:
        windows: the windows.
        announced: all announcements of openings that start after `now`.
        now: the current time.
    """
    return _Decider(windows, announced, now).decide()


class _Decider:
    def __init__(self, windows: WindowsNow, announced: Sequence[AnnouncementView], now: datetime) -> None:
        self._planned = {one.key: one for one in windows.planned}
        self._ahead, self._zones, self._against = windows.ahead, windows.zones, windows.against
        self._now = now
        self._editions = Counter(one.key for one in announced)
        self._active = [one for one in announced if one.applies]
        self._taken = {one.key for one in self._active}
        """Openings that are announced."""
        self._found = Announcements()

    def decide(self) -> Announcements:
        for one in self._active:
            if one.client in self._zones:
                self._review(one)
        for planned in self._planned.values():
            self._announce_due(planned)
        return self._found

    def _review(self, one: AnnouncementView) -> None:
        """Decide about an announcement: does the opening still take place, and at that time?"""
        planned = self._planned.get((one.window, one.client))
        opening = _opening_at(planned, one.starts) if planned else None
        if opening and (why := self._against(opening)):
            self._found.actions.append(Cancel(one, why, self._next(planned, after=one.starts)))
        elif opening and opening.occurrence.closes != one.closes:
            self._announce(opening, replaces=one)
        elif opening is None and (other := self._renamed(one)):
            self._taken.add(_key(other))
            name = other.planned.window.name
            self._found.actions.append(Rename(one, name, self._edition(other)))
        elif opening is None and (moved := next(self._due(planned), None)):
            self._announce(moved, replaces=one)
        elif opening is None:
            self._found.actions.append(Cancel(one, "", self._next(planned, after=self._now)))

    def _announce_due(self, planned: Planned) -> None:
        for opening in self._due(planned):
            self._announce(opening)
        if not self._ahead[planned.key]:
            return
        for opening in islice(planned.openings(self._now), _MOST):
            at = self._at(opening)
            if at > self._now:
                self._found.again = min(at, self._found.again or at)
                return

    def _announce(self, opening: Opening, replaces: AnnouncementView | None = None) -> None:
        self._taken.add(_key(opening))
        self._found.actions.append(Announce(opening, self._edition(opening), replaces))

    def _edition(self, opening: Opening) -> int:
        return self._editions[_key(opening)] + 1

    def _due(self, planned: Planned | None) -> Iterator[Opening]:
        """Yield the openings that are to be announced now."""
        if planned is None or not self._ahead[planned.key]:
            return
        for opening in islice(planned.openings(self._now), _MOST):
            if self._at(opening) > self._now:
                return
            if _key(opening) not in self._taken and not self._against(opening):
                yield opening

    def _at(self, opening: Opening) -> datetime:
        planned = opening.planned
        return announce_at(opening.starts, self._ahead[planned.key], ZoneInfo(self._zones[planned.client]))

    def _next(self, planned: Planned | None, *, after: datetime) -> Opening | None:
        """Return the next opening that will be started."""
        found = islice(planned.openings(after), _MOST) if planned else ()
        return next((one for one in found if not self._against(one)), None)

    def _renamed(self, one: AnnouncementView) -> Opening | None:
        """Return the same opening of a window with another name."""
        for planned in self._planned.values():
            if planned.client == one.client and planned.window.name != one.window:
                opening = _opening_at(planned, one.starts)
                same = opening and opening.occurrence.closes == one.closes
                if opening and same and _key(opening) not in self._taken and not self._against(opening):
                    return opening
        return None


def _key(opening: Opening) -> tuple[str, str, datetime]:
    return (*opening.planned.key, opening.starts)


def _opening_at(planned: Planned, starts: datetime) -> Opening | None:
    """Return the opening that starts at an instant; None if there is none."""
    first = next(planned.openings(starts - _INSTANT), None)
    return first if first and first.starts == starts else None
