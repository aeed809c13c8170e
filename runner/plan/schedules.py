"""Which openings of windows are due, and which of them are not started. Pure.

A window is kept for each client on its own. What counts is the definition that was in force when an opening
started, so that an edit of the inventory neither adds openings to the past nor takes any away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from runner.model import CatchUp, Inventory, Window
from runner.plan.select import select
from runner.plan.windows import Occurrence, occurrences, zone_of
from runner.record import WhyNot

__all__ = [
    "Kept",
    "Opening",
    "Planned",
    "Sighting",
    "Unstarted",
    "between",
    "due",
    "planned",
    "settled_before",
    "sight",
]

_PUNCTUAL = timedelta(minutes=2)
"""How late a window may be started that is not to be caught up."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """A window as the inventory has it for one client. Its zone is resolved."""

    window: Window
    client: str

    @property
    def key(self) -> tuple[str, str]:
        """Of which window and client there is one."""
        return self.window.name, self.client

    @property
    def jitter(self) -> timedelta:
        """The same share of the window's jitter every time, so that starts spread and stay put."""
        digest = hashlib.sha256(f"{self.window.name}\0{self.client}".encode()).digest()
        return self.window.jitter * (int.from_bytes(digest[:4]) / 2**32)

    @property
    def allowed(self) -> timedelta:
        """How much later than due an opening may be started."""
        return self.window.deadline if self.window.catch_up is CatchUp.LATEST else _PUNCTUAL

    def openings(self, after: datetime) -> Iterator[Opening]:
        """Those that start after an instant, in order."""
        zone = ZoneInfo(self.window.timezone or "UTC")
        return (Opening(self, found) for found in occurrences(self.window, zone, after))

    def opens_when(self) -> object:
        """Equal for two that open at the same instants."""
        return frozenset(self.window.days), self.window.at, self.window.timezone

    def replaces(self, other: Planned) -> bool:
        """Whether it is another by a new name, or with another definition."""
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
        """When it is to be started: the client's share of the jitter later."""
        return self.starts + self.planned.jitter

    @property
    def run(self) -> str:
        """The id of the run that this opening gets, whoever starts it."""
        return f"{self.planned.window.name}-{self.starts:%Y%m%d-%H%M}-{self.planned.client}"

    def is_late(self, now: datetime) -> bool:
        """Whether it must not be started any more."""
        return now > self.due + self.planned.allowed or now >= self.occurrence.closes


@dataclass(frozen=True, slots=True)
class Unstarted:
    """An opening that is not started, and why: on a blackout it is skipped, else missed."""

    opening: Opening
    why: str

    @property
    def skipped(self) -> bool:
        """Nothing was to be done."""
        return self.opening.occurrence.blackout


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A schedule in force, as it was recorded. Its openings until `settled` are decided."""

    id: int
    key: tuple[str, str]
    settled: datetime
    planned: Planned | None
    """None where the definition is not known."""

    def undecided(self, until: datetime) -> Iterator[Opening]:
        """Openings that start until an instant."""
        if self.planned is None:
            return iter(())
        return takewhile(lambda one: one.starts <= until, self.planned.openings(self.settled))


@dataclass(slots=True)
class Sighting:
    """What changes when the inventory is compared with the schedules in force."""

    ended: dict[int, datetime] = field(default_factory=dict)
    redefined: dict[int, Planned] = field(default_factory=dict)
    started: list[tuple[Planned, datetime]] = field(default_factory=list)
    """Each with the first instant at which it is in force."""
    unstarted: list[Unstarted] = field(default_factory=list)


def planned(inventory: Inventory, window: Window) -> tuple[Planned, ...]:
    """A window for each client that has sites in it.

    Raises:
        UnknownNameError: it names sites that are not in the inventory.
    """
    clients = dict.fromkeys(site.client for site in select(inventory, window.sites))
    return tuple(
        Planned(replace(window, timezone=zone_of(window, inventory, client)), client) for client in clients
    )


def sight(wanted: Sequence[Planned], kept: Sequence[Kept], known: frozenset[str], now: datetime) -> Sighting:
    """Compare what the inventory wants with what is in force.

    Args:
        wanted: every window for every client.
        kept: what is in force; for windows that could not be read, leave them out.
        known: names of all windows that were ever kept. At the first sight of another one, an opening that
            may still be started counts.
        now: the instant.
    """
    found = Sighting()
    new = {one.key: one for one in wanted}
    ended: list[Kept] = []
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
            first = None if one.window.name in known else _startable(one.openings(_back(one, now)), now)
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
        found.unstarted += [_unstarted(opening, now, WhyNot.CHANGED) for opening in left]
    return found


def due(kept: Kept, now: datetime, most: int) -> tuple[tuple[Unstarted, ...], Opening | None]:
    """The undecided openings of a schedule: at most so many that are not started, and the one that may be.

    Only the latest is started; while more than `most` are due, none.
    """
    found = list(islice(takewhile(lambda one: one.due <= now, kept.undecided(now)), most + 1))
    if not found:
        return (), None
    last = found[-1] if len(found) <= most else None
    if last and (last.occurrence.blackout or last.is_late(now)):
        last = None
    rest = found[:-1] if last or len(found) > most else found
    return tuple(_unstarted(one, now, WhyNot.LATER) for one in rest), last


def between(one: Planned, start: datetime, end: datetime, now: datetime) -> Iterator[Opening]:
    """Openings that start in a span and cannot be started any more."""
    found = takewhile(lambda opening: opening.starts < end, one.openings(start - _INSTANT))
    return (opening for opening in found if opening.is_late(now))


def settled_before(since: datetime) -> datetime:
    """Until when all is settled for a schedule that is in force since an instant."""
    return since - _INSTANT


def _unstarted(opening: Opening, now: datetime, otherwise: str) -> Unstarted:
    if opening.occurrence.blackout:
        return Unstarted(opening, WhyNot.BLACKOUT)
    if opening.is_late(now):
        deadline = _words(opening.planned.allowed)
        return Unstarted(opening, f"{WhyNot.ABSENT}; the start deadline ({deadline}) passed")
    return Unstarted(opening, otherwise)


def _predecessor(one: Planned, ended: Sequence[Kept]) -> Kept | None:
    """What a new schedule takes the place of: an earlier definition, else the same window by another name."""
    found = [old for old in ended if old.planned and one.replaces(old.planned)]
    return min(found, key=lambda old: old.key != one.key, default=None)


def _back(one: Planned, now: datetime) -> datetime:
    """Nothing that started before then may still be started."""
    deadline = one.allowed + one.jitter
    return now - min(one.window.lasts, deadline) - _INSTANT


def _startable(openings: Iterator[Opening], now: datetime) -> Opening | None:
    """The latest that has started and may still be started."""
    found = [one for one in takewhile(lambda one: one.starts <= now, openings) if not one.is_late(now)]
    return found[-1] if found else None


def _shared(before: Kept, one: Planned, now: datetime) -> Iterator[Opening]:
    """Openings of a new definition that the one before had too, and that are undecided."""
    starts = {opening.starts for opening in before.undecided(now)}
    after = max(before.settled, _back(one, now))
    return (opening for opening in one.openings(after) if opening.starts in starts or opening.starts > now)


def _words(span: timedelta) -> str:
    """`1 h 30 min`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
