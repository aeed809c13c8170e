"""How instants are written in JSON."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["rfc3339"]


def rfc3339(at: datetime | None) -> str | None:
    """Format an instant for JSON: `2026-11-24T01:00:00.000Z`; None stays None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
