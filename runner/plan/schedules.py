"""Which openings of windows are due, and which are not started and why. Pure.

Each client has its own schedule of a window. What counts is the definition in force at the start of an
opening, so that editing the inventory neither adds nor removes openings in the past.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from runner.model import CatchUp, Inventory, Window
from runner.plan.blackouts import is_closed
from runner.plan.select import select
from runner.plan.windows import Occurrence, occurrences, zone_of
from runner.record import ApprovalState, ApprovalView, PauseView, WhyNot

__all__ = [
    "Opening",
    "Planned",
    "RecordedSchedule",
    "ScheduleChanges",
    "Unstarted",
    "compare_schedules",
    "due_openings",
    "late_openings",
    "planned",
    "settled_before",
]

_PUNCTUAL = timedelta(minutes=2)
"""How late a window with `catch_up: none` may be started."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """A window of the inventory for one client, with its time zone resolved."""

    window: Window
    client: str

    @property
    def key(self) -> tuple[str, str]:
        """Window and client, which identify it."""
        return self.window.name, self.client

    @property
    def jitter(self) -> timedelta:
        """A fixed share of the window's jitter, so that starts are spread but always at the same time."""
        digest = hashlib.sha256(f"{self.window.name}\0{self.client}".encode()).digest()
        return self.window.jitter * (int.from_bytes(digest[:4]) / 2**32)

    @property
    def allowed(self) -> timedelta:
        """How long after its due time an opening may be started."""
        return self.window.deadline if self.window.catch_up is CatchUp.LATEST else _PUNCTUAL

    def openings(self, after: datetime) -> Iterator[Opening]:
        """Return the openings that start after an instant, in order."""
        return (Opening(self, found) for found in occurrences(self.window, self._zone, after))

    def is_closed(self, at: datetime) -> bool:
        """Whether an instant is in a blackout."""
        return is_closed(self.window, self._zone, at)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.window.timezone or "UTC")

    def opens_when(self) -> object:
        """Return a value that is equal for windows that open at the same times."""
        return frozenset(self.window.days), self.window.at, self.window.timezone

    def replaces(self, other: Planned) -> bool:
        """Whether this is another one with a new name or a new definition."""
        if self.client != other.client:
            return False
        renamed = self.window.playbook == other.window.playbook and self.opens_when() == other.opens_when()
        return renamed or self.key == other.key


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of a window for one client."""

    planned: Planned
    occurrence: Occurrence

    @property
    def starts(self) -> datetime:
        """When the window opens."""
        return self.occurrence.starts

    @property
    def due(self) -> datetime:
        """When to start it: `starts` plus the client's share of the jitter."""
        return self.starts + self.planned.jitter

    @property
    def run(self) -> str:
        """The id of its run, which depends only on window, client and time."""
        return f"{self.planned.window.name}-{self.starts:%Y%m%d-%H%M}-{self.planned.client}"

    @property
    def blackout(self) -> bool:
        """Whether the window opens or is due in a blackout."""
        return self.occurrence.blackout or (self.due > self.starts and self.planned.is_closed(self.due))

    @property
    def latest_start(self) -> datetime:
        """The last instant at which it may be started."""
        return min(self.due + self.planned.allowed, self.occurrence.closes - _INSTANT)

    def is_late(self, now: datetime) -> bool:
        """Whether it is too late to start it."""
        return now > self.latest_start


@dataclass(frozen=True, slots=True)
class Unstarted:
    """An opening that is not started, and why."""

    opening: Opening
    why: str
    skipped: bool = False
    """Whether it was in a blackout or a pause; otherwise it is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSchedule:
    """A recorded schedule that is in force. Its openings until `settled` are decided."""

    id: int
    key: tuple[str, str]
    settled: datetime
    planned: Planned | None
    """None if the definition is unknown."""
    pauses: tuple[PauseView, ...] = ()
    """All pauses of the client, past ones too."""
    approvals: tuple[ApprovalView, ...] = ()
    """Approvals of its undecided openings."""

    def approval_of(self, opening: Opening) -> ApprovalView | None:
        """Return the approval of an opening, if its plan was made."""
        return next((one for one in self.approvals if one.starts == opening.starts), None)

    def pause_of(self, opening: Opening, now: datetime) -> PauseView | None:
        """Return the pause because of which an opening is not started: when it is due, or now if it waits."""
        instants = [opening.due] if opening.is_late(now) else [opening.due, now]
        return next((pause for at in instants for pause in self.pauses if pause.covers(at)), None)

    def unstarted(self, opening: Opening, now: datetime, otherwise: str) -> Unstarted:
        """Return why an opening is not started; `otherwise` if it still could be."""
        if opening.blackout:
            return Unstarted(opening, WhyNot.BLACKOUT, skipped=True)
        if pause := self.pause_of(opening, now):
            return Unstarted(opening, pause.reason, skipped=True)
        if refusal := self._refusal_of(opening, now):
            return Unstarted(opening, refusal, skipped=True)
        if opening.is_late(now):
            deadline = _words(opening.planned.allowed)
            return Unstarted(opening, f"{WhyNot.ABSENT}; the start deadline ({deadline}) passed")
        return Unstarted(opening, otherwise)

    def _refusal_of(self, opening: Opening, now: datetime) -> str:
        """Return why no site of an opening could be started: declined, or not approved in time."""
        found = self.approval_of(opening)
        if found is None or found.others or not (found.sites or found.state is ApprovalState.FAILED):
            return ""
        return found.refusal if found.state is ApprovalState.DECLINED or opening.is_late(now) else ""

    def undecided(self, until: datetime) -> Iterator[Opening]:
        """Return undecided openings that start no later than an instant."""
        if self.planned is None:
            return iter(())
        return takewhile(lambda one: one.starts <= until, self.planned.openings(self.settled))

    def next_opening(self) -> Opening | None:
        """Return the first undecided opening; None if there is none or the definition is unknown."""
        return next(self.planned.openings(self.settled), None) if self.planned else None


@dataclass(slots=True)
class ScheduleChanges:
    """The differences between the inventory and the schedules in force."""

    ended: dict[int, datetime] = field(default_factory=dict)
    redefined: dict[int, Planned] = field(default_factory=dict)
    started: list[tuple[Planned, datetime]] = field(default_factory=list)
    """New schedules, each with the instant from which it is in force."""
    unstarted: list[Unstarted] = field(default_factory=list)


def planned(inventory: Inventory, window: Window) -> tuple[Planned, ...]:
    """Return a window for each client that has sites in it.

    Raises:
        UnknownNameError: it selects sites that are not in the inventory.
    """
    clients = dict.fromkeys(site.client for site in select(inventory, window.sites))
    return tuple(
        Planned(replace(window, timezone=zone_of(window, inventory, client)), client) for client in clients
    )


def compare_schedules(
    wanted: Sequence[Planned], kept: Sequence[RecordedSchedule], known: frozenset[str], now: datetime
) -> ScheduleChanges:
    """Compare the windows of the inventory with the schedules in force.

    Args:
        wanted: every window for every client.
        kept: the schedules in force, without those of windows that could not be read.
        known: names of all windows ever recorded. For a new window, an opening that has already started
            but is not late counts.
        now: the current time.
    """
    found = ScheduleChanges()
    new = {one.key: one for one in wanted}
    ended: list[RecordedSchedule] = []
    for old in kept:
        same = new.get(old.key)
        if same and (old.planned is None or old.planned.opens_when() == same.opens_when()):
            if new.pop(old.key) != old.planned:
                found.redefined[old.id] = same
        else:
            ended.append(old)
            found.ended[old.id] = now
    for one in new.values():
        before = _predecessor(one, ended)
        if before is None:
            first = (
                None if one.window.name in known else _startable(one.openings(_earliest_start(one, now)), now)
            )
        else:
            shared = _shared(before, one, now) if found.ended[before.id] == now else iter(())
            first = _startable(shared, now)
        since = first.starts if first else now
        found.started.append((one, since))
        if before:
            found.ended[before.id] = min(since, found.ended[before.id])
    for old in ended:
        end = found.ended[old.id]
        left = (opening for opening in old.undecided(now) if opening.starts < end)
        found.unstarted += [old.unstarted(opening, now, WhyNot.CHANGED) for opening in left]
    return found


def due_openings(
    kept: RecordedSchedule, now: datetime, most: int
) -> tuple[tuple[Unstarted, ...], Opening | None]:
    """Return the due openings of a schedule: up to `most` that are not started, and the one to start.

    Only the latest is started; none while more than `most` are due.
    """
    found = list(islice(takewhile(lambda one: one.due <= now, kept.undecided(now)), most + 1))
    if not found:
        return (), None
    last = found[-1] if len(found) <= most else None
    if last and (last.blackout or last.is_late(now) or kept.pause_of(last, now)):
        last = None
    rest = found[:-1] if last or len(found) > most else found
    return tuple(kept.unstarted(one, now, WhyNot.LATER) for one in rest), last


def late_openings(one: Planned, start: datetime, end: datetime, now: datetime) -> Iterator[Opening]:
    """Return the openings that start within a period and are too late to start."""
    found = takewhile(lambda opening: opening.starts < end, one.openings(start - _INSTANT))
    return (opening for opening in found if opening.is_late(now))


def settled_before(since: datetime) -> datetime:
    """Return the `settled` time of a schedule that is in force since an instant."""
    return since - _INSTANT


def _predecessor(one: Planned, ended: Sequence[RecordedSchedule]) -> RecordedSchedule | None:
    """The schedule that a new one replaces: an earlier definition, or the same window with another name."""
    found = [old for old in ended if old.planned and one.replaces(old.planned)]
    return min(found, key=lambda old: old.key != one.key, default=None)


def _earliest_start(one: Planned, now: datetime) -> datetime:
    """Openings that started before this time are too late to start."""
    deadline = one.allowed + one.jitter
    return now - min(one.window.lasts, deadline) - _INSTANT


def _startable(openings: Iterator[Opening], now: datetime) -> Opening | None:
    """The latest opening that has started and is not late."""
    found = [one for one in takewhile(lambda one: one.starts <= now, openings) if not one.is_late(now)]
    return found[-1] if found else None


def _shared(before: RecordedSchedule, one: Planned, now: datetime) -> Iterator[Opening]:
    """Undecided openings that both the old and the new definition have."""
    starts = {opening.starts for opening in before.undecided(now)}
    after = max(before.settled, _earliest_start(one, now))
    return (opening for opening in one.openings(after) if opening.starts in starts or opening.starts > now)


def _words(span: timedelta) -> str:
    """`1 h 30 min`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
