"""Which records are old enough to be pruned. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.model import Cutoffs, Retention

__all__ = ["cutoffs"]

_ZONES = timedelta(days=1)
"""The local start of a period can be this much earlier than that in UTC."""
_MONTHS_OF_QUARTER = 3


def cutoffs(retention: Retention, now: datetime) -> Cutoffs:
    """Return the instants before which records are pruned.

    Whatever the settings are, summaries and history cover the current and the previous month, week and
    quarter, of which reports may still be made.
    """
    now = now.astimezone(UTC)
    reports = _previous_quarter(now) - _ZONES
    looks = now - retention.looks
    return Cutoffs(
        looks=looks.replace(minute=looks.minute - looks.minute % 5, second=0, microsecond=0),
        details=now - retention.details,
        summaries=min(now - retention.summaries, reports),
        history=min(now - retention.history, reports),
    )


def _previous_quarter(now: datetime) -> datetime:
    """Return the start of the quarter before the current one."""
    first = now.month - (now.month - 1) % _MONTHS_OF_QUARTER
    started = now.replace(month=first, day=1, hour=0, minute=0, second=0, microsecond=0)
    month = started.month - _MONTHS_OF_QUARTER
    return started.replace(year=started.year - (month < 1), month=month if month > 0 else month + 12)
