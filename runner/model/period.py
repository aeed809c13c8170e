"""A span of whole local days that a report is about."""

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
    """`key` is what a person types: 2026-11, 2026-W48 or 2026-Q4. Both days are included."""

    key: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a month, an ISO week or a quarter.

        Raises:
            UsageError: `text` is none of them.
        """
        if re.match(r"\d{4}-", text) and not _FIRST_YEAR <= text[:4] <= _LAST_YEAR:
            raise UsageError(f"{text[:4]} is too far away", hint=f"years {_FIRST_YEAR} to {_LAST_YEAR}")
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
        """The month in which a day lies."""
        return cls.parse(f"{day:%Y-%m}")

    def instants(self, timezone: str) -> tuple[datetime, datetime]:
        """Start (included) and end (excluded) in UTC, for days of that zone."""
        zone = ZoneInfo(timezone)
        start = datetime.combine(self.first, time(), zone)
        end = datetime.combine(self.last + timedelta(days=1), time(), zone)
        return start.astimezone(UTC), end.astimezone(UTC)


def _month_end(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
