"""Phases and times that are left, as text; pure."""

from __future__ import annotations

from runner.model import Phase
from runner.units import count

__all__ = ["doing", "time_left"]


def time_left(seconds: int) -> str:
    """Format a duration as on a clock: 0:31, 12:05, 1:02:05."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def doing(phase: Phase | None, changes: int) -> str:
    """Describe a phase, and with a trial in progress the number of its changes: `applying 3 changes`."""
    if phase is None:
        return ""
    if phase is Phase.READING:
        return "reading the site"
    counted = phase in {Phase.FETCHING, Phase.APPLYING, Phase.VERIFYING, Phase.ROLLING_BACK, Phase.UNDOING}
    return f"{phase} {count(changes, 'change')}" if changes and counted else str(phase)
