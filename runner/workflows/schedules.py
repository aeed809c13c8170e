"""Keep the ledger's schedules up to date with the inventory, and record openings that are not started."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.hosts.boundary import within
from runner.inspect.windows import recorded_schedule, window_row
from runner.load import calendar_text, freeze
from runner.model import Window
from runner.plan.schedules import (
    Opening,
    Planned,
    RecordedSchedule,
    Unstarted,
    compare_schedules,
    due_openings,
    settled_before,
)
from runner.record import NewSchedule, Schedules, Settlement, WhyNot, WindowState, WindowView
from runner.units import utc

if TYPE_CHECKING:
    from runner.apply.session import Session

__all__ = ["PlannedWindows", "ScheduleRecorder"]

_AT_ONCE = 50_000
"""Openings per transaction."""
_SKEW = timedelta(minutes=1)
"""How far a schedule may start in the future: another scheduler has recorded it, or its clock is ahead."""
_PASSES = 3
"""Transactions per tick; the next tick continues."""


@dataclass(frozen=True, slots=True)
class PlannedWindows:
    """The windows of the inventory."""

    planned: tuple[Planned, ...]
    unread: frozenset[str] = frozenset()
    """Names of the windows that could not be planned."""


@dataclass(slots=True)
class _Decision:
    """The decisions after one read of the schedules."""

    settlement: Settlement
    startable: list[Opening]
    problems: dict[str, str] = field(default_factory=dict)
    kept: list[RecordedSchedule] = field(default_factory=list)
    """The schedules in force."""


class ScheduleRecorder:
    """Records schedules and openings in the ledger for one scheduler."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.delays: dict[tuple[str, str, datetime], str] = {}
        """Due openings that wait, each with the reason, which is recorded if the opening is missed."""
        self.problems: dict[str, str] = {}
        """Windows that could not be decided in the last tick, each with the reason."""
        self.next_opening: Opening | None = None
        """The undecided opening that is due next."""
        self.in_force: tuple[RecordedSchedule, ...] = ()
        """The schedules in force after the last tick."""

    def settle(self, wanted: PlannedWindows | None, now: datetime) -> tuple[Opening, ...]:
        """Record changed schedules and missed openings; return the openings that may be started now.

        Args:
            wanted: the windows of the inventory; None if it cannot be read, so that no schedule changes.
            now: the current time.
        """
        ledger = self._session.ledger
        ledger.windows.reopen_after(now)
        found = self._decide(ledger.windows.schedules(), wanted, now)
        for _ in range(_PASSES):
            if not found.settlement:
                break
            made = ledger.windows.settle(lambda read: self._decide(read, wanted, now).settlement)
            self._emit(made.decided)
            found = self._decide(ledger.windows.schedules(), wanted, now)
        self.problems = found.problems
        self.in_force = tuple(found.kept)
        openings = (one.next_opening() for one in found.kept)
        self.next_opening = min((one for one in openings if one), key=lambda one: one.due, default=None)
        startable = {(*one.planned.key, one.starts) for one in found.startable}
        self.delays = {key: why for key, why in self.delays.items() if key in startable}
        return tuple(found.startable)

    def _decide(self, read: Schedules, wanted: PlannedWindows | None, now: datetime) -> _Decision:
        rows, settled = list[WindowView](), dict[int, datetime]()
        found = _Decision(Settlement(), [])
        kept = found.kept
        for one, since in ((recorded_schedule(view), view.since) for view in read.in_force):
            if since - now > _SKEW:
                found.problems["window {} of {}".format(*one.key)] = (
                    f"in force since {utc(since)}, but the clock says {utc(now)}"
                )
                kept.append(one)
                continue
            decided = within(partial(due_openings, one, now, _AT_ONCE))
            if isinstance(decided, SitecrewError):
                found.problems["window {} of {}".format(*one.key)] = str(decided)
                continue
            unstarted, startable = self._without_gaps(*decided)
            if unstarted:
                settled[one.id] = unstarted[-1].opening.starts
                rows += self._rows(unstarted, now)
            if startable:
                found.startable.append(startable)
            kept.append(replace(one, settled=settled.get(one.id, one.settled)))
            if len(rows) > _AT_ONCE:
                found.settlement = Settlement(decided=tuple(rows), settled=settled)
                return found
        found.settlement = Settlement(decided=tuple(rows), settled=settled)
        if wanted is not None:
            found.settlement = self._sight(found.settlement, kept, read, wanted, now)
        return found

    def _without_gaps(
        self, unstarted: Sequence[Unstarted], startable: Opening | None
    ) -> tuple[Sequence[Unstarted], Opening | None]:
        """Skip the openings in gaps of the ledger: they may have run before it was replaced."""
        gaps = self._session.mark.gaps()

        def is_unknown(opening: Opening) -> bool:
            return any(gap.contains(opening.starts) for gap in gaps)

        found = [
            replace(one, why=WhyNot.REPLACED, skipped=True) if is_unknown(one.opening) else one
            for one in unstarted
        ]
        if startable and is_unknown(startable):
            return [*found, Unstarted(startable, WhyNot.REPLACED, skipped=True)], None
        return found, startable

    def _sight(
        self,
        settled: Settlement,
        kept: Iterable[RecordedSchedule],
        read: Schedules,
        wanted: PlannedWindows,
        now: datetime,
    ) -> Settlement:
        readable = [one for one in kept if one.key[0] not in wanted.unread]
        seen = compare_schedules(wanted.planned, readable, read.windows, now)
        return replace(
            settled,
            ended=seen.ended,
            redefined={one: _definition(planned.window) for one, planned in seen.redefined.items()},
            started=tuple(_new(planned, since) for planned, since in seen.started),
            calendars=_calendars([*seen.redefined.values(), *(one for one, _ in seen.started)]),
            decided=(*settled.decided, *self._rows(seen.unstarted, now)),
        )

    def _rows(self, unstarted: Sequence[Unstarted], now: datetime) -> list[WindowView]:
        return [
            window_row(
                one.opening,
                WindowState.SKIPPED if one.skipped else WindowState.MISSED,
                one.why if one.skipped else self._delay(one),
                now,
            )
            for one in unstarted
        ]

    def _delay(self, one: Unstarted) -> str:
        """Return why a missed opening had to wait, or why it is missed."""
        return self.delays.get((*one.opening.planned.key, one.opening.starts), one.why)

    def _emit(self, rows: Sequence[WindowView]) -> None:
        """Emit one event for each window, client and state, with the latest opening and the number of all."""
        counts: dict[tuple[str, str, WindowState], list[WindowView]] = {}
        for row in rows:
            counts.setdefault((row.window, row.client, row.state), []).append(row)
        for (window, client, state), alike in counts.items():
            run = f"{window}-{alike[-1].starts:%Y%m%d-%H%M}-{client}"
            self._session.emit(f"window.{state}", run, why=alike[-1].why, window=window, openings=len(alike))


def _definition(window: Window) -> Mapping[str, object]:
    """Return a window as it is recorded: calendars, which many windows share, only by their digests."""
    found: Mapping[str, object] = json.loads(freeze(replace(window, calendars=())))
    return {**found, "calendars": [calendar.digest for calendar in window.calendars]}


def _calendars(windows: Iterable[Planned]) -> dict[str, str]:
    found = {one.digest: one for each in windows for one in each.window.calendars}
    return {digest: calendar_text(calendar) for digest, calendar in found.items()}


def _new(planned: Planned, since: datetime) -> NewSchedule:
    return NewSchedule(
        window=planned.window.name,
        client=planned.client,
        since=since,
        settled=settled_before(since),
        definition=_definition(planned.window),
    )
