"""Instants, durations, sizes and counts as text."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from runner import units

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = datetime(2026, 11, 28, 13, 5, 9, tzinfo=UTC)


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
def test_instants_on_screen_are_local() -> None:
    assert units.local(AT) == "2026-11-28 14:05"
    assert units.local(AT, seconds=True) == "2026-11-28 14:05:09"
    assert units.local(AT, zone=True) == "2026-11-28 14:05 CET"
    assert units.local(AT.replace(month=7), zone=True) == "2026-07-28 15:05 CEST"


@pytest.mark.usefixtures("_berlin")
def test_clock_gets_coarser_with_distance() -> None:
    assert units.clock(AT) == "14:05:09"
    assert units.clock(AT, AT - timedelta(minutes=4)) == "14:05:09"
    assert units.clock(AT, AT - timedelta(minutes=6)) == "14:05"
    assert units.clock(AT, AT - timedelta(hours=13)) == "2026-11-28 14:05"


def test_recorded_instants_are_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))
    assert units.utc(elsewhere) == "2026-11-28 13:05 UTC"
    assert units.iso(elsewhere) == "2026-11-28T13:05:09Z"
    assert units.iso(elsewhere.replace(microsecond=1500)) == "2026-11-28T13:05:09.001Z"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m 00 s"),
        (185, "3 m 05 s"),
        (7800, "2 h 10 m"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
        (timedelta(seconds=5), "5 s"),
    ],
)
def test_durations_have_two_units_at_most(length: timedelta | float | None, text: str) -> None:
    assert units.duration(length) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(days=400), "400 days ago"),
    ],
)
def test_ago_names_the_largest_unit(passed: timedelta, text: str) -> None:
    assert units.ago(AT - passed, AT) == text


def test_age_below_a_minute_has_no_number() -> None:
    assert units.age(timedelta(seconds=30)) == "less than a minute"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (34_567, "35 kB"),
        (999_600, "1.0 MB"),
        (1_500_000, "1.5 MB"),
        (2_000_000_000, "2.0 GB"),
    ],
)
def test_sizes_have_a_fitting_unit(number: int, text: str) -> None:
    assert units.size(number) == text


def test_counts_have_the_right_plural() -> None:
    assert units.count(1, "host") == "1 host"
    assert units.count(0, "host") == "0 hosts"
    assert units.count(2, "entry", "entries") == "2 entries"
