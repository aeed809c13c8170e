"""How instants are written in JSON."""

from __future__ import annotations

from datetime import datetime

from runner.units import iso

__all__ = ["rfc3339"]


def rfc3339(at: datetime | None) -> str | None:
    """Format an instant for JSON: `2026-11-24T01:00:00Z`; None stays None."""
    return None if at is None else iso(at)
