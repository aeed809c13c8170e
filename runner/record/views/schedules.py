"""Schedules: the definition of a client's window and when it was in force; and what a scheduler decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runner.record.views.care import WindowView

__all__ = ["NewSchedule", "ScheduleView", "Schedules", "Settlement", "WhyNot"]


class WhyNot(StrEnum):
    """Why an opening was not started."""

    BLACKOUT = "the day is a blackout"
    BUSY = "the previous run had not finished"
    CHANGED = "the window was changed or removed before it started"
    LATER = "no scheduler was running; of several missed openings only the latest is started"
    MISTAKES = "the workspace files had errors when it was due"
    ABSENT = "no scheduler was running"
    """Followed by the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleView:
    """One definition of a client's window, in force for openings with `since` <= start < `until`."""

    id: int
    window: str
    client: str
    since: datetime
    until: datetime | None
    """None while it is in force."""
    settled: datetime
    """All openings that start up to this instant are decided."""
    definition: Mapping[str, object] | None
    """None if an older Sitecrew recorded the schedule."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """Input for a scheduler: the schedules in force, and the names of all windows ever scheduled."""

    in_force: tuple[ScheduleView, ...]
    windows: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule to put in force."""

    window: str
    client: str
    since: datetime
    settled: datetime
    definition: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A scheduler's decisions about schedules (by id), and the openings that it does not start."""

    ended: Mapping[int, datetime] = field(default_factory=dict)
    """When each stops being in force."""
    redefined: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    """New definitions with the same openings as before."""
    started: tuple[NewSchedule, ...] = ()
    decided: tuple[WindowView, ...] = ()
    settled: Mapping[int, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ended or self.redefined or self.started or self.decided or self.settled)
