"""Periods of reports, parsed from what the user types."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from runner.errors import UsageError
from runner.model import Period


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("2026-11", "2026-11-01", "2026-11-30"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-W48", "2026-11-23", "2026-11-29"),
        ("2026-W53", "2026-12-28", "2027-01-03"),
        ("2026-W01", "2025-12-29", "2026-01-04"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
    ],
)
def test_parse_returns_first_and_last_day(key: str, first: str, last: str) -> None:
    found = Period.parse(key)
    assert (found.key, found.first, found.last) == (key, date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-00", "2026-13", "2026-W54", "2027-W53", "2026-Q0", "2026-Q5", "26-11", "2026-11 "],
)
def test_parse_refuses_invalid_text_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Period.parse(text)
    assert "2026-W48" in caught.value.hint


def test_month_with_end_of_summer_time_is_an_hour_longer() -> None:
    start, end = Period.parse("2026-10").instants("Europe/Berlin")
    assert end - start == timedelta(days=31, hours=1)
    assert start.isoformat() == "2026-09-30T22:00:00+00:00"
    assert end.isoformat() == "2026-10-31T23:00:00+00:00"


def test_month_of_a_day() -> None:
    assert Period.month_of(date(2026, 11, 23)) == Period.parse("2026-11")
