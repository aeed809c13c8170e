"""Openings in every time zone around clock changes, compared with a search minute by minute.

The search knows nothing of the code: it converts each minute of UTC to local time and looks at the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model import Calendar, ClosedPeriod, DateRange, TimeRange, Window, WindowDay
from runner.plan import occurrences

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ZONES = sorted(available_timezones() - {"localtime"})
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
RULES = {
    "daily": (WindowDay(),),
    "weekdays": (WindowDay(weekday=6), WindowDay(weekday=0), WindowDay(weekday=5)),
    "last Sunday": (WindowDay(weekday=6, nth=-1), WindowDay(weekday=6, nth=1), WindowDay(weekday=6, nth=2)),
    "days of the month": (WindowDay(monthday=29), WindowDay(monthday=31), WindowDay(monthday=1)),
}


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """Return the minutes in UTC at which the offset of a zone changes in these years."""
    zone, found = ZoneInfo(name), []
    day = START
    while day < END:
        if offset(zone, day) != offset(zone, day + DAY):
            minute = day
            while offset(zone, minute) == offset(zone, minute + MINUTE):
                minute += MINUTE
            found.append(minute + MINUTE)
        day += DAY
    return tuple(found)


def offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def is_due(rules: tuple[WindowDay, ...], day: date) -> bool:
    """Whether a day matches, by counting the days of its month."""
    same = [
        other
        for number in range(1, 32)
        if (other := in_month(day, number)) and other.weekday() == day.weekday()
    ]
    for rule in rules:
        if rule.on:
            due = day == rule.on
        elif rule.monthday:
            due = day.day == rule.monthday
        elif rule.weekday is None:
            due = True
        else:
            wanted = (
                same if rule.nth is None else same[-1:] if rule.nth < 0 else same[rule.nth - 1 : rule.nth]
            )
            due = day.weekday() == rule.weekday and day in wanted
        if due:
            return True
    return False


def in_month(day: date, number: int) -> date | None:
    try:
        return day.replace(day=number)
    except ValueError:
        return None


@lru_cache(maxsize=4)
def clock(name: str, first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """Return each minute in UTC with its local time."""
    zone = ZoneInfo(name)
    minutes = (first + count * MINUTE for count in range(int((last - first) / MINUTE) + 1))
    return [(minute, minute.astimezone(zone).replace(tzinfo=None)) for minute in minutes]


def starts_by_search(window: Window, name: str, first: datetime, last: datetime) -> list[datetime]:
    """Return a start for each due day: the first minute at which its clock shows `at` or later."""
    found: dict[date, datetime] = {}
    seen: set[date] = set()
    (_, before), *minutes = clock(name, first - 2 * DAY, last + DAY)
    for minute, local in minutes:
        day = before.date()
        while day <= local.date():
            if before < datetime.combine(day, window.at) <= local and day not in seen:
                seen.add(day)
                if is_due(window.days, day):
                    found[day] = minute
            day += DAY
        before = local
    return sorted(start for start in found.values() if first < start <= last)


def closed_by_search(periods: tuple[ClosedPeriod, ...], minute: datetime, local: datetime) -> bool:
    for period in periods:
        if isinstance(period, DateRange):
            if local.date() in {
                period.first + count * DAY for count in range((period.last - period.first).days + 1)
            }:
                return True
        else:
            now = minute if period.starts.tzinfo else local
            if period.starts <= now and not period.ends <= now:
                return True
    return False


def check(
    name: str, rules: tuple[WindowDay, ...], at: time, around: datetime, closed: tuple[ClosedPeriod, ...]
) -> None:
    """Compare the openings within some days of an instant with the search."""
    zone, first, last = ZoneInfo(name), around - 2 * DAY, around + 2 * DAY
    half = len(closed) // 2
    window = Window(
        name="w",
        playbook="p",
        days=rules,
        at=at,
        blackouts=closed[:half],
        calendars=(Calendar(f"{closed[half:]}", closed[half:]),),
    )
    found = list(takewhile(lambda one: one.starts <= last, occurrences(window, zone, first)))
    expected = starts_by_search(window, name, first, last)
    assert [one.starts for one in found] == expected
    for one in found:
        local = one.starts.astimezone(zone).replace(tzinfo=None)
        assert one.blackout == closed_by_search(closed, one.starts, local)
        assert one.closes - one.starts == window.lasts


def calendar_around(around: datetime, zone: ZoneInfo) -> Iterator[ClosedPeriod]:
    """Yield separate periods of each kind around a clock change, sorted."""
    local = around.astimezone(zone).replace(tzinfo=None)
    yield DateRange((local - DAY).date(), (local - DAY).date())
    yield TimeRange(local - 90 * MINUTE, local - 20 * MINUTE)
    yield TimeRange(local + 10 * MINUTE, local + 50 * MINUTE)
    yield TimeRange(around - 40 * MINUTE, around)
    yield TimeRange(around + 15 * MINUTE, around + 5 * HOUR)


CHANGING = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"])


@settings(max_examples=25, deadline=None)
@given(data=st.data(), zone=st.one_of(CHANGING, st.sampled_from(ZONES)), rules=st.sampled_from(sorted(RULES)))
def test_each_due_day_has_one_start_around_clock_changes(data: st.DataObject, zone: str, rules: str):
    instants = changes(zone) or (datetime(2028, 2, 29, tzinfo=UTC),)
    around = data.draw(st.sampled_from(instants))
    near = (around.astimezone(ZoneInfo(zone)) + data.draw(st.integers(-90, 90)) * MINUTE).time()
    at = data.draw(
        st.sampled_from([near.replace(second=0, microsecond=0, fold=0), time(0), time(2, 30), time(23, 59)])
    )
    closed = tuple(calendar_around(around, ZoneInfo(zone)))
    chosen = tuple(period for period in closed if data.draw(st.booleans()))
    check(zone, RULES[rules], at, around, chosen)


@cache
def different_zones() -> list[str]:
    """Return one of the zones that have the same clock changes."""
    return list({behaviour(name): name for name in reversed(ZONES)}.values())


def behaviour(name: str) -> object:
    zone = ZoneInfo(name)
    return offset(zone, START), tuple((at, offset(zone, at)) for at in changes(name))


@pytest.mark.long
@pytest.mark.parametrize("number", range(8))
def test_each_due_day_has_one_start_in_every_zone(number: int):
    for name in different_zones()[number::8]:
        zone = ZoneInfo(name)
        for turn, around in enumerate(changes(name) or (datetime(2028, 2, 29, tzinfo=UTC),)):
            local = around.astimezone(zone).replace(tzinfo=None)
            for minutes in range(-61 + turn % 7, 62, 7):
                at = (local + minutes * MINUTE).time().replace(second=0, microsecond=0)
                check(name, RULES["daily"], at, around, tuple(calendar_around(around, zone)))


def test_dates_open_once():
    window = Window(
        name="w",
        playbook="p",
        days=(WindowDay(on=date(2027, 3, 28)), WindowDay(on=date(2026, 12, 2))),
        at=time(2, 30),
    )
    found = list(occurrences(window, ZoneInfo("Europe/Berlin"), datetime(2026, 1, 1, tzinfo=UTC)))
    assert [one.local.isoformat() for one in found] == [
        "2026-12-02T02:30:00+01:00",
        "2027-03-28T03:00:00+02:00",
    ]
    assert list(occurrences(window, ZoneInfo("UTC"), datetime(2027, 4, 1, tzinfo=UTC))) == []
