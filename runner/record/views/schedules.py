"""Since when the window of a client is kept and how it is defined, and what a scheduler decides about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runner.record.views.care import WindowView

__all__ = ["NewSchedule", "ScheduleView", "Schedules", "Settlement", "WhyNot"]


class WhyNot(StrEnum):
    """Why an opening was not started."""

    BLACKOUT = "the day is blacked out"
    BUSY = "the run before was still working"
    CHANGED = "the window was changed or removed before it was started"
    LATER = "no scheduler was running; of several openings only the latest is started"
    MISTAKES = "the workspace's files had mistakes when it was due"
    ABSENT = "no scheduler was running"
    """Followed by the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleView:
    """The window of a client with one definition, in force for the starts in `since` <= start < `until`."""

    id: int
    window: str
    client: str
    since: datetime
    until: datetime | None
    """None while it is in force."""
    settled: datetime
    """All openings that start until then are decided."""
    definition: Mapping[str, object] | None
    """None where it was not recorded: the ledger is older than that."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """What a scheduler decides from: the schedules in force, and the names of all windows ever kept."""

    in_force: tuple[ScheduleView, ...]
    windows: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule that comes into force."""

    window: str
    client: str
    since: datetime
    settled: datetime
    definition: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a scheduler decided: schedules by their id, and the openings that are not started."""

    ended: Mapping[int, datetime] = field(default_factory=dict)
    """From when on they are not in force any more."""
    redefined: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    """With the same openings as before."""
    started: tuple[NewSchedule, ...] = ()
    decided: tuple[WindowView, ...] = ()
    settled: Mapping[int, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ended or self.redefined or self.started or self.decided or self.settled)
