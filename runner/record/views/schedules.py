"""Schedules: the definition of a client's window and when it was in force; and what a scheduler decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from runner.record.views.care import WindowView
from runner.record.views.instants import rfc3339

__all__ = [
    "ApprovalState",
    "ApprovalView",
    "NewApproval",
    "NewSchedule",
    "PauseView",
    "ScheduleView",
    "Schedules",
    "Settlement",
    "WhyNot",
]


class WhyNot(StrEnum):
    """Why an opening was not started."""

    BLACKOUT = "the day is a blackout"
    CLOSED = "a blackout began before it was started"
    PAUSED = "paused until"
    """Followed by the last day and the reason."""
    UNAPPROVED = "not approved"
    DECLINED = "declined by"
    """Followed by the operator, the day and the reason."""
    UNPLANNED = "could not be planned"
    """Followed by the reason."""
    OUTDATED = "the approved plan no longer applies"
    """Followed by the differences."""
    BUSY = "the previous run had not finished"
    CHANGED = "the window was changed or removed before it started"
    LATER = "no scheduler was running; of several missed openings only the latest is started"
    MISTAKES = "the workspace files had errors when it was due"
    REPLACED = "not known: an older ledger was put back"
    ABSENT = "no scheduler was running"
    """Followed by the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseView:
    """A pause of a client: its windows are skipped."""

    id: int
    client: str
    since: datetime
    until: date
    """The last day, in the client's time zone."""
    ends: datetime
    """When that day ends."""
    why: str
    operator: str
    resumed: datetime | None
    """When an operator ended it; None if it ends by itself."""
    resumed_by: str | None

    def covers(self, at: datetime) -> bool:
        """Whether windows that are due at this instant are skipped."""
        return self.since <= at < min(self.ends, self.resumed or self.ends)

    @property
    def reason(self) -> str:
        """Why a window is skipped: `paused until 2026-12-24: TEXT`."""
        return f"paused until {self.until}: {self.why}" if self.why else f"paused until {self.until}"


class ApprovalState(StrEnum):
    """The state of the plan of an opening that may need approval."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    UNNEEDED = "not needed"
    """Nothing in the plan needs approval."""
    FAILED = "failed"
    """No plan could be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """The plan of an opening that was made ahead of time, and the answer of the crew."""

    id: int
    window: str
    client: str
    starts: datetime
    until: datetime
    """The latest start, after which an answer has no effect."""
    made: datetime
    """When the plan was made."""
    state: ApprovalState
    sites: tuple[str, ...]
    """The sites that wait for approval."""
    others: int
    """Number of sites of the opening that do not wait."""
    why: str
    """The reason given with an answer, or why no plan could be made."""
    operator: str | None
    """Who answered; None if nobody has."""
    answered: datetime | None
    decided: bool = False
    """Whether the opening was started, skipped or missed."""

    @property
    def run(self) -> str:
        """The id of the run of the opening."""
        return f"{self.window}-{self.starts:%Y%m%d-%H%M}-{self.client}"

    def is_open(self, now: datetime) -> bool:
        """Whether an answer still has an effect."""
        return not self.decided and now <= self.until and bool(self.sites)

    @property
    def refusal(self) -> str:
        """Why the sites that wait are not started; empty if their plan is approved."""
        if self.state is ApprovalState.DECLINED:
            who, day = (self.operator or "").replace(":", " "), self.answered or self.made
            return f"declined by {who} on {day:%Y-%m-%d}: {self.why}"
        if self.state is ApprovalState.FAILED:
            return f"could not be planned: {self.why}"
        return "" if self.state is ApprovalState.APPROVED else WhyNot.UNAPPROVED.value

    def as_json(self) -> dict[str, object]:
        """One entry of `list approvals --json`, without the changes."""
        return {
            "run": self.run,
            "window": self.window,
            "client": self.client,
            "starts": rfc3339(self.starts),
            "until": rfc3339(self.until),
            "made": rfc3339(self.made),
            "state": self.state.value,
            "sites": list(self.sites),
            "operator": self.operator,
            "answered": rfc3339(self.answered),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApproval:
    """A plan of an opening, or why none could be made."""

    window: str
    client: str
    starts: datetime
    until: datetime
    made: datetime
    state: ApprovalState
    sites: tuple[str, ...] = ()
    others: int = 0
    plan: str = ""
    """The locked plan as in its file; empty if there is none."""
    why: str = ""


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
    """None if an older Sitecrew recorded the schedule. `calendars` has only the digests."""
    calendars: Mapping[str, str] = field(default_factory=dict)
    """The closed periods of its calendars as JSON, by digest."""
    pauses: tuple[PauseView, ...] = ()
    """All pauses of the client, past ones too."""
    approvals: tuple[ApprovalView, ...] = ()
    """The approvals of its openings that are not decided."""


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
    calendars: Mapping[str, str] = field(default_factory=dict)
    """The calendars of the new definitions: closed periods as JSON, by digest."""

    def __bool__(self) -> bool:
        return bool(self.ended or self.redefined or self.started or self.decided or self.settled)
