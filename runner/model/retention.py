"""How long records stay in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["Cutoffs", "Retention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`retention` in sitecrew.yaml."""

    looks: timedelta = timedelta(days=14)
    """As long as a run can be undone."""
    details: timedelta = timedelta(days=90)
    summaries: timedelta = timedelta(days=400)
    history: timedelta = timedelta(days=1830)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """Older records are pruned."""

    looks: datetime
    """Start of a time slot of the summaries, so that each slot is summarised at once."""
    details: datetime
    summaries: datetime
    history: datetime
