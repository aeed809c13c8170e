"""When windows are due, in local time and across clock changes.

A time skipped by a clock change is moved to the first instant after the gap; of a repeated time, the first
one counts. So each matching day has exactly one occurrence. Instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from runner.model import Inventory, Window, WindowDay
from runner.plan.blackouts import is_closed
from runner.plan.select import select
from runner.units import iso

if TYPE_CHECKING:
    from runner.record import PauseView

__all__ = [
    "Due",
    "Occurrence",
    "next_of_client",
    "next_windows",
    "occurrences",
    "past_windows",
    "start_of_day",
    "zone_of",
]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_LAST_DAY = date(2200, 12, 31)
"""Nothing is due outside of these; the search ends there."""


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One opening of a window."""

    starts: datetime
    closes: datetime
    """`starts` plus the duration of the window in elapsed time."""
    local: datetime
    """`starts` in local time."""
    blackout: bool = False
    """Whether it starts in a blackout and is skipped."""


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """The next opening of a window for the sites of one client."""

    starts: datetime
    window: str
    client: str
    closes: datetime
    local: datetime
    sites: tuple[str, ...]

    def as_json(self) -> dict[str, str]:
        """Return an entry of `schedule next --json`."""
        return {
            "window": self.window,
            "client": self.client,
            "starts": iso(self.starts),
            "starts_local": self.local.isoformat(),
            "closes": iso(self.closes),
        }


def occurrences(window: Window, zone: ZoneInfo, start_after: datetime) -> Iterator[Occurrence]:
    """Yield every occurrence that starts after an instant, in order, until 2200, including blackouts.

    `window.at` is in the time zone `zone`. A month without the day (the 31st, a fifth Tuesday) has no
    occurrence.
    """
    if not _FIRST <= start_after <= _LAST:
        return
    for day in _days(window.days, start_after.astimezone(zone).date() - _DAY):
        starts = _instant(day, window.at, zone)
        if starts > start_after:
            closed = is_closed(window, zone, starts)
            yield Occurrence(starts, starts + window.lasts, starts.astimezone(zone), closed)


def next_windows(inventory: Inventory, start: datetime, count: int) -> tuple[Due, ...]:
    """Return the next openings of all windows at or after an instant, one for each client with sites.

    Raises:
        UnknownNameError: a window selects sites that are not in the inventory.
    """
    return tuple(islice(merge(*_streams(inventory, start)), count))


def next_of_client(
    inventory: Inventory, client: str, start: datetime, pauses: Sequence[PauseView] = ()
) -> tuple[Due, ...]:
    """Return the next opening of each window with sites of a client at or after an instant, soonest first.

    Openings in one of the client's pauses are left out.

    Raises:
        UnknownNameError: a window selects sites that are not in the inventory.
    """
    streams = _streams(inventory, start, only=client)
    started = (
        (due for due in stream if not any(one.covers(due.starts) for one in pauses)) for stream in streams
    )
    return tuple(sorted(first for stream in started if (first := next(stream, None))))


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a time zone."""
    return _instant(day, time(0), zone)


def zone_of(window: Window, inventory: Inventory, client: str) -> str:
    """Return the IANA name of a window's time zone for one client."""
    return window.timezone or inventory.clients[client].timezone


def past_windows(inventory: Inventory, now: datetime) -> tuple[tuple[Window, date], ...]:
    """Return the windows whose dates have all passed in every time zone, each with its last date."""
    today = (now - timedelta(hours=12)).date()
    found = []
    for window in inventory.windows.values():
        dates = [rule.on for rule in window.days if rule.on is not None]
        if len(dates) == len(window.days) and max(dates) < today:
            found.append((window, max(dates)))
    return tuple(found)


def _streams(
    inventory: Inventory,
    start: datetime,
    *,
    only: str | None = None,
) -> list[Iterator[Due]]:
    after = start - timedelta(microseconds=1) if start > _FIRST else _FIRST
    return [
        _openings(
            window,
            client,
            names,
            occurrences(window, ZoneInfo(zone_of(window, inventory, client)), after),
        )
        for window in inventory.windows.values()
        for client, names in _clients(inventory, window).items()
        if only in {None, client}
    ]


def _openings(
    window: Window, client: str, sites: tuple[str, ...], found: Iterator[Occurrence]
) -> Iterator[Due]:
    for each in found:
        if not each.blackout:
            yield Due(each.starts, window.name, client, each.closes, each.local, sites)


def _clients(inventory: Inventory, window: Window) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for site in select(inventory, window.sites):
        found[site.client] = (*found.get(site.client, ()), site.name)
    return found


def _days(rules: Sequence[WindowDay], first: date) -> Iterator[date]:
    """Yield the days from `first` on that match any of the rules."""
    dates = [rule.on for rule in rules if rule.on is not None]
    if len(dates) == len(rules):
        yield from sorted({day for day in dates if first <= day <= _LAST_DAY})
        return
    for day in (first + count * _DAY for count in range((_LAST_DAY - first).days + 1)):
        if any(_matches(rule, day) for rule in rules):
            yield day


def _matches(rule: WindowDay, day: date) -> bool:
    if rule.on is not None or rule.monthday is not None:
        return day == rule.on or day.day == rule.monthday
    if rule.weekday is None:
        return True
    if day.weekday() != rule.weekday:
        return False
    if rule.nth is None:
        return True
    if rule.nth < 0:
        return (day + 7 * _DAY).month != day.month
    return (day.day - 1) // 7 + 1 == rule.nth


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    wall = datetime.combine(day, at)
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between the two at which the UTC offset changes, to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
