"""Events of iCalendar files as blackouts, and files that are not read."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import files
from pathlib import Path

import pytest
import time_machine

from runner.errors import ValidationError
from runner.load import load_workspace
from runner.load.ical import LARGEST, closed_periods
from runner.load.values import Wrong
from runner.model import DateRange, TimeRange

FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
NEW_YORK = """\
BEGIN:VTIMEZONE
TZID:{name}
BEGIN:STANDARD
DTSTART:19701101T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700308T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
"""


def calendar(*events: str, zones: str = "") -> bytes:
    blocks = "".join(
        f"BEGIN:VEVENT\nUID:{each.partition('UID:')[2].partition(chr(10))[0] or number}\nSUMMARY:Sale\n"
        f"{each.partition('UID:')[0]}\nEND:VEVENT\n"
        for number, each in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{zones}{blocks}END:VCALENDAR\n".encode()


def periods(*events: str, zones: str = ""):
    return closed_periods(calendar(*events, zones=zones), FIRST, LAST)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def floating(text: str) -> datetime:
    return datetime.fromisoformat(text)


def days(*texts: str):
    return tuple(DateRange(date.fromisoformat(one), date.fromisoformat(one)) for one in texts)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20261224", days("2026-12-24")),
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224", days("2026-12-24")),
        (
            "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
            (DateRange(date(2026, 12, 24), date(2026, 12, 26)),),
        ),
        (
            "DTSTART:20261127T220000Z\nDTEND:20261128T030000Z",
            (TimeRange(utc("2026-11-27 22:00"), utc("2026-11-28 03:00")),),
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260701T230000\nDURATION:PT4H",
            (TimeRange(utc("2026-07-01 21:00"), utc("2026-07-02 01:00")),),
        ),
        (
            "DTSTART:20261127T220000\nDTEND:20261128T030000",
            (TimeRange(floating("2026-11-27 22:00"), floating("2026-11-28 03:00")),),
        ),
        ("DTSTART:20261127T220000Z", ()),
        ("DTSTART:20241127T220000Z\nDTEND:20241128T030000Z", ()),
        ("DTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED", ()),
        ("DTSTART;VALUE=DATE:20261224\nSTATUS:TENTATIVE", days("2026-12-24")),
        ("DTSTART;VALUE=DATE:20261224\nTRANSP:TRANSPARENT", days("2026-12-24")),
        ("DTSTART:20261127T220000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT", ()),
        ("DTSTART;VALUE=DATE:16041224\nRRULE:FREQ=YEARLY", days("2026-12-24", "2027-12-24")),
    ],
)
def test_event_closes_its_time(event: str, expected: tuple[object, ...]):
    assert periods(event) == expected


def test_recurrence_follows_exceptions():
    found = periods(
        "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=5\nEXDATE;VALUE=DATE:20260202\n"
        "RDATE;VALUE=DATE:20260620\nUID:a",
        "DTSTART;VALUE=DATE:20260310\nRECURRENCE-ID;VALUE=DATE:20260302\nUID:a",
        "DTSTART;VALUE=DATE:20260406\nRECURRENCE-ID;VALUE=DATE:20260406\nSTATUS:CANCELLED\nUID:a",
    )
    assert found == days("2026-01-05", "2026-03-10", "2026-05-04", "2026-06-20")


def test_recurrence_keeps_local_time_across_clock_change():
    found = periods("DTSTART;TZID=Europe/Berlin:20260326T020000\nDURATION:PT2H\nRRULE:FREQ=WEEKLY;COUNT=2")
    assert [each.starts for each in found] == [utc("2026-03-26 01:00"), utc("2026-04-02 00:00")]


def test_time_zone_of_file_counts_for_this_file_only():
    event = "DTSTART;TZID=Office:20260701T120000\nDURATION:PT1H"
    assert periods(event, zones=NEW_YORK.format(name="Office"))[0].starts == utc("2026-07-01 16:00")
    moved = NEW_YORK.format(name="Office").replace("0400", "0300")
    assert periods(event, zones=moved)[0].starts == utc("2026-07-01 15:00")
    with pytest.raises(Wrong, match="VEVENT 'Sale': DTSTART is in the unknown time zone 'Office'"):
        periods(event)


def test_overlapping_events_are_joined():
    found = periods(
        "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261226",
        "DTSTART;VALUE=DATE:20261226",
        "DTSTART:20261101T100000Z\nDURATION:PT2H",
        "DTSTART:20261101T110000Z\nDURATION:PT2H",
    )
    assert found == (
        DateRange(date(2026, 12, 24), date(2026, 12, 26)),
        TimeRange(utc("2026-11-01 10:00"), utc("2026-11-01 13:00")),
    )


DAILY = "DTSTART:20200101T000000Z\nDURATION:PT1M\nRRULE:FREQ="


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not an iCalendar file"),
        (b"<!DOCTYPE html><html>404</html>", "it is not a valid iCalendar file"),
        (calendar()[:-20], "it is not a"),
        (calendar("SUMMARY:x"), "DTSTART is missing"),
        (calendar("DTSTART:2026-12-24"), "Expected datetime"),
        (calendar("DTSTART:20260101T000000Z\nDURATION:P999999999999W"), "DURATION"),
        (calendar(DAILY + "SECONDLY"), "FREQ=SECONDLY is not read; it must be DAILY or longer"),
        (calendar(DAILY + "DAILY;BYHOUR=1,2;BYMINUTE=" + ",".join(map(str, range(60)))), "too often"),
        (calendar(DAILY + "YEARLY;BYMONTH=2;BYMONTHDAY=30"), "on a day that no month has"),
        (
            calendar(
                "DTSTART;TZID=Z:20260701T120000\nDURATION:PT1H",
                zones=NEW_YORK.format(name="Z").replace("YEARLY", "SECONDLY"),
            ),
            "FREQ=SECONDLY",
        ),
        (calendar(*(DAILY + "DAILY" for _ in range(40))), "more than 20000 events"),
        (b"\n" * (LARGEST + 1), "larger than 1 MiB"),
        (b"BEGIN:VEVENT\n" * 6000, "6000 events; at most 5000 are read"),
        (b"BEGIN:VCALENDAR\n" * 20_000, "it is not a"),
        (b"\x00\xff\xfe" * 1000, "it is not a"),
    ],
)
def test_bad_file_is_refused_with_reason(content: bytes, message: str):
    started = time.thread_time()
    with pytest.raises(Wrong, match=message):
        closed_periods(content, FIRST, date(2030, 12, 31))
    assert time.thread_time() - started < 10


def write(make, blackouts: str, **more: str | bytes) -> Path:
    inventory = f"""\
hosts: {{web1: {{address: a.example}}}}
clients: {{acme: {{name: A, sites: {{shop: {{url: https://a.example, host: web1, path: /srv/a}}}}}}}}
windows:
  one: {{playbook: patch, day: daily, at: "02:00", blackouts: {blackouts}}}
"""
    return make({"inventory.yaml": inventory, **{f"{name}.ics": text for name, text in more.items()}})


@time_machine.travel(datetime(2026, 11, 28, tzinfo=UTC))
def test_window_has_calendars_beside_days(make):
    event = "DTSTART;VALUE=DATE:20261225"
    workspace = load_workspace(write(make, "[2026-12-31, sale.ics]", sale=calendar(event)))
    window = workspace.inventory.windows["one"]
    assert window.blackouts == days("2026-12-31")
    assert [one.periods for one in window.calendars] == [days("2026-12-25")]
    assert workspace.warnings == ()


@time_machine.travel(datetime(2026, 11, 28, tzinfo=UTC))
def test_calendar_without_events_is_a_warning(make):
    past = calendar("DTSTART;VALUE=DATE:20201225")
    assert load_workspace(write(make, "[past.ics]", past=past)).warnings == (
        '"past.ics" has no events from 2025 to 2031',
    )


def test_bad_calendar_is_reported_at_its_reference(make):
    with pytest.raises(ValidationError) as caught:
        load_workspace(write(make, "[2026-12-31, bad.ics]", bad=b"no"))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.path) == ("inventory.yaml", 4, "windows.one.blackouts[1]")
    assert problem.message.startswith('"bad.ics": it is not a')


@pytest.mark.long
@pytest.mark.parametrize("package", ["icalendar", "recurring-ical-events"])
def test_files_of_libraries_are_read_or_refused(package: str):
    found = [Path(str(one.locate())) for one in files(package) or () if one.suffix == ".ics"]
    assert len(found) > 80
    read = 0
    for file in found:
        started = time.thread_time()
        try:
            closed_periods(file.read_bytes(), date(2015, 1, 1), date(2021, 12, 31))
            read += 1
        except Wrong:
            pass
        assert time.thread_time() - started < timedelta(seconds=2).total_seconds(), file.name
    assert read > 60
