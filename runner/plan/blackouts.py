"""Whether an instant is in a blackout: on a closed day, or during a closed time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from runner.model import Calendar, ClosedPeriod, DateRange, TimeRange, Window
from runner.units import utc

__all__ = ["blackouts_between", "closed_at", "is_closed"]

_MARGIN = timedelta(days=2)
"""More than the difference of any two time zones."""


def is_closed(window: Window, zone: ZoneInfo, at: datetime) -> bool:
    """Whether `at` is in a blackout of a window in the time zone `zone`."""
    return _find(window.blackouts, zone, at) is not None or any(
        _find_in(calendar, zone, at) for calendar in window.calendars
    )


def closed_at(blackouts: Sequence[ClosedPeriod], zones: Collection[str], at: datetime) -> str:
    """Return which blackout `at` is in, in any of the zones, as the start of a sentence; empty if in none."""
    found = [(period, name) for name in sorted(zones) if (period := _find(blackouts, ZoneInfo(name), at))]
    for period, name in sorted(found, key=lambda each: isinstance(each[0], TimeRange)):
        if isinstance(period, DateRange):
            return f"{at.astimezone(ZoneInfo(name)).date()} is a blackout day"
        return f"a blackout lasts until {_end(period, name)}"
    return ""


def blackouts_between(window: Window, start: datetime, end: datetime) -> tuple[ClosedPeriod, ...]:
    """Return the blackouts of a window that may matter between two instants, in any time zone."""
    first, last = start - _MARGIN, end + _MARGIN
    periods = (*window.blackouts, *(each for calendar in window.calendars for each in calendar.periods))
    return tuple(each for each in periods if _touches(each, first, last))


def _touches(period: ClosedPeriod, first: datetime, last: datetime) -> bool:
    if isinstance(period, DateRange):
        return period.first <= last.date() and first.date() <= period.last
    zone = period.starts.tzinfo
    first, last = (each if zone else each.replace(tzinfo=None) for each in (first, last))
    return period.starts <= last and first < period.ends


def _find(periods: Iterable[ClosedPeriod], zone: ZoneInfo, at: datetime) -> ClosedPeriod | None:
    """Return the first of these periods that `at` is in."""
    there = at.astimezone(zone)
    return next((each for each in periods if _contains(each, there)), None)


def _contains(period: ClosedPeriod, there: datetime) -> bool:
    """Whether a local time is in a period."""
    if isinstance(period, DateRange):
        return period.first <= there.date() <= period.last
    now = there if period.starts.tzinfo else there.replace(tzinfo=None)
    return period.starts <= now < period.ends


@dataclass(frozen=True, slots=True)
class _Index:
    """The periods of a calendar by kind, each sorted, with the starts to search."""

    days: tuple[DateRange, ...]
    first_days: tuple[date, ...]
    local: tuple[TimeRange, ...]
    local_starts: tuple[datetime, ...]
    fixed: tuple[TimeRange, ...]
    fixed_starts: tuple[datetime, ...]


@lru_cache(maxsize=64)
def _index(calendar: Calendar) -> _Index:
    days = tuple(each for each in calendar.periods if isinstance(each, DateRange))
    times = [each for each in calendar.periods if isinstance(each, TimeRange)]
    local = tuple(each for each in times if each.starts.tzinfo is None)
    fixed = tuple(each for each in times if each.starts.tzinfo is not None)
    return _Index(
        days,
        tuple(each.first for each in days),
        local,
        tuple(each.starts for each in local),
        fixed,
        tuple(each.starts for each in fixed),
    )


def _find_in(calendar: Calendar, zone: ZoneInfo, at: datetime) -> ClosedPeriod | None:
    """Return the period of a calendar that `at` is in."""
    index, there = _index(calendar), at.astimezone(zone)
    naive = there.replace(tzinfo=None)
    near = (
        index.days[max(0, (place := bisect_right(index.first_days, there.date())) - 1) : place],
        index.local[max(0, (place := bisect_right(index.local_starts, naive)) - 1) : place],
        index.fixed[max(0, (place := bisect_right(index.fixed_starts, at)) - 1) : place],
    )
    return _find((each for group in near for each in group), zone, at)


def _end(period: TimeRange, zone: str) -> str:
    return utc(period.ends) if period.ends.tzinfo else f"{period.ends:%Y-%m-%d %H:%M} ({zone})"
