"""The period of a report, in whole local days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from runner.errors import UsageError

__all__ = ["Period"]

_FIRST_YEAR, _LAST_YEAR = "1970", "2199"


@dataclass(frozen=True, slots=True)
class Period:
    """A month, week or quarter. `key` is what the user types: 2026-11, 2026-W48 or 2026-Q4.

    `first` and `last` are both included.
    """

    key: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """Parse a month, an ISO week or a quarter.

        Raises:
            UsageError: `text` is none of these.
        """
        if re.match(r"\d{4}-", text) and not _FIRST_YEAR <= text[:4] <= _LAST_YEAR:
            raise UsageError(
                f"the year {text[:4]} is out of range", hint=f"use a year from {_FIRST_YEAR} to {_LAST_YEAR}"
            )
        try:
            if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
                first = date(int(match[1]), int(match[2]), 1)
                return cls(text, first, _month_end(first))
            if match := re.fullmatch(r"(\d{4})-W(\d{2})", text):
                first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
                return cls(text, first, first + timedelta(days=6))
            if match := re.fullmatch(r"(\d{4})-Q([1-4])", text):
                first = date(int(match[1]), int(match[2]) * 3 - 2, 1)
                return cls(text, first, _month_end(date(first.year, first.month + 2, 1)))
        except ValueError:
            pass
        raise UsageError(f"{text!r} is not a period", hint="write 2026-11, 2026-W48 or 2026-Q4")

    @classmethod
    def month_of(cls, day: date) -> Period:
        """Return the month that contains a day."""
        return cls.parse(f"{day:%Y-%m}")

    @classmethod
    def month_before(cls, day: date) -> Period:
        """Return the month before the one that contains a day."""
        return cls.month_of(day.replace(day=1) - timedelta(days=1))

    def instants(self, timezone: str) -> tuple[datetime, datetime]:
        """Return start (included) and end (excluded) in UTC, for the days of a time zone."""
        zone = ZoneInfo(timezone)
        start = datetime.combine(self.first, time(), zone)
        end = datetime.combine(self.last + timedelta(days=1), time(), zone)
        return start.astimezone(UTC), end.astimezone(UTC)


def _month_end(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
