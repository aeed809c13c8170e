"""Openings of windows across time zones and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import UnknownNameError
from runner.model import Client, DateRange, Host, Inventory, Site, Window, WindowDay
from runner.plan import next_windows, occurrences

ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "UTC")
SUNDAY = WindowDay(weekday=6)


def window(day=SUNDAY, at=time(2, 30), **more):
    return Window(name="weekly", playbook="weekly", days=(day,), at=at, **more)


def first(window, zone, after, count=1):
    return list(islice(occurrences(window, ZoneInfo(zone), after), count))


@pytest.mark.parametrize(
    ("zone", "after", "local", "starts"),
    [
        ("Europe/Berlin", "2027-03-27", "2027-03-28T03:00:00+02:00", "2027-03-28T01:00:00+00:00"),
        ("America/New_York", "2027-03-13", "2027-03-14T03:00:00-04:00", "2027-03-14T07:00:00+00:00"),
        ("Pacific/Auckland", "2027-09-24", "2027-09-26T03:00:00+13:00", "2027-09-25T14:00:00+00:00"),
    ],
)
def test_skipped_time_moves_to_the_end_of_the_gap(zone, after, local, starts):
    found = first(window(), zone, datetime.fromisoformat(after).replace(tzinfo=UTC))[0]
    assert (found.local.isoformat(), found.starts.isoformat()) == (local, starts)


def test_gap_of_half_an_hour():
    at_night = window(at=time(2, 15))
    found = first(at_night, "Australia/Lord_Howe", datetime(2027, 9, 29, tzinfo=UTC))[0]
    assert found.local.isoformat() == "2027-10-03T02:30:00+11:00"


def test_repeated_time_opens_once():
    found = first(window(), "Europe/Berlin", datetime(2027, 10, 30, tzinfo=UTC), 2)
    assert [o.local.isoformat() for o in found] == ["2027-10-31T02:30:00+02:00", "2027-11-07T02:30:00+01:00"]


@given(
    zone=st.sampled_from(ZONES),
    weekday=st.integers(0, 6),
    at=st.times(),
    year=st.integers(2024, 2036),
)
def test_every_week_has_one_occurrence(zone, weekday, at, year):
    at = at.replace(microsecond=0, fold=0)
    start = datetime(year, 1, 1, tzinfo=UTC)
    found = takewhile(
        lambda o: o.starts < start + timedelta(days=364),
        occurrences(window(WindowDay(weekday=weekday), at), ZoneInfo(zone), start - timedelta(seconds=1)),
    )
    found = list(found)
    assert len(found) in {51, 52, 53}
    for one, other in pairwise(found):
        assert (other.local.date() - one.local.date()).days == 7
    for one in found:
        assert one.local.weekday() == weekday
        assert one.closes - one.starts == timedelta(hours=2)
        there = datetime.combine(one.local.date(), at, ZoneInfo(zone)).astimezone(UTC)
        exists = there.astimezone(ZoneInfo(zone)).replace(tzinfo=None).time() == at
        assert (one.starts == there) if exists else (one.local.time() > at)


@given(zone=st.sampled_from(ZONES), second=st.integers(1_735_689_600, 1_893_456_000))
def test_occurrence_after_an_occurrence_is_the_next(zone, second):
    one, other = first(window(), zone, datetime.fromtimestamp(second, UTC), 2)
    assert first(window(), zone, one.starts) == [other]


@pytest.mark.parametrize(
    ("day", "days"),
    [
        (WindowDay(weekday=1, nth=2), ["2026-11-10", "2026-12-08", "2027-01-12"]),
        (WindowDay(weekday=1, nth=-1), ["2026-11-24", "2026-12-29", "2027-01-26"]),
        (WindowDay(weekday=1, nth=5), ["2026-12-29", "2027-03-30", "2027-06-29"]),
        (WindowDay(monthday=31), ["2026-12-31", "2027-01-31", "2027-03-31"]),
    ],
)
def test_days_of_the_month(day, days):
    found = first(window(day, time(9)), "UTC", datetime(2026, 11, 1, tzinfo=UTC), 3)
    assert [o.local.date().isoformat() for o in found] == days


def test_occurrence_in_a_blackout_is_marked():
    closed = window(
        WindowDay(weekday=4),
        blackouts=(
            DateRange(date(2026, 11, 27), date(2026, 11, 27)),
            DateRange(date(2026, 12, 4), date(2026, 12, 5)),
        ),
    )
    found = first(closed, "UTC", datetime(2026, 11, 26, tzinfo=UTC), 3)
    assert [o.blackout for o in found] == [True, True, False]


def inventory(*windows):
    return Inventory(
        hosts={"web1": Host(name="web1", address="127.0.0.1")},
        clients={
            "acme": Client(id="acme", name="Acme", timezone="Europe/Berlin"),
            "globex": Client(id="globex", name="Globex", timezone="America/New_York"),
        },
        sites={
            name: Site(name=name, client=client, host="web1", url="http://x.example", path="/srv")
            for name, client in (("shop", "acme"), ("blog", "acme"), ("lab", "globex"))
        },
        windows={each.name: each for each in windows},
    )


def test_next_windows_are_sorted_across_time_zones():
    due = next_windows(inventory(window(at=time(2))), datetime(2026, 11, 22, tzinfo=UTC), 3)
    assert [each.as_json() for each in due] == [
        {
            "window": "weekly",
            "client": "acme",
            "starts": "2026-11-22T01:00:00Z",
            "starts_local": "2026-11-22T02:00:00+01:00",
            "closes": "2026-11-22T03:00:00Z",
        },
        {
            "window": "weekly",
            "client": "globex",
            "starts": "2026-11-22T07:00:00Z",
            "starts_local": "2026-11-22T02:00:00-05:00",
            "closes": "2026-11-22T09:00:00Z",
        },
        {
            "window": "weekly",
            "client": "acme",
            "starts": "2026-11-29T01:00:00Z",
            "starts_local": "2026-11-29T02:00:00+01:00",
            "closes": "2026-11-29T03:00:00Z",
        },
    ]
    assert due[0].sites == ("shop", "blog")


def test_next_windows_skip_blackouts_and_include_the_start():
    closed = window(timezone="UTC", blackouts=(DateRange(date(2026, 11, 29), date(2026, 11, 29)),))
    due = next_windows(inventory(closed), datetime(2026, 11, 22, 2, 30, tzinfo=UTC), 4)
    assert [each.starts.day for each in due] == [22, 22, 6, 6]


def test_window_with_unknown_sites_is_refused():
    with pytest.raises(UnknownNameError, match="unknown tag 'wordpres'"):
        next_windows(inventory(window(sites=("tag:wordpres",))), datetime(2026, 11, 22, tzinfo=UTC), 1)
