"""Windows: the schedules in force, and one row per due opening that says what happened to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from runner.model import Outcome
from runner.record.approvals import undecided_approvals
from runner.record.open_runs import IS_OPEN
from runner.record.pauses import pauses_by_client
from runner.record.schema import calendars, pauses, run_sites, runs, schedules, windows
from runner.record.store import Records, insert_ignoring, insert_new
from runner.record.views import Schedules, ScheduleView, Settlement, WindowState, WindowView

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

    from runner.record.store import Store

__all__ = ["Windows", "open_window", "review_window", "window_view"]


class Windows(Records):
    """Schedules, and what happened to each due opening."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._calendars: dict[str, str] = {}
        """Calendars read so far, by digest."""

    def claim(self, opening: WindowView) -> bool:
        """Record what happens to an opening. Only the first of several callers gets True and decides."""
        with self._store.write() as connection:
            return open_window(connection, opening)

    def schedules(self) -> Schedules:
        """Return the schedules in force now."""
        with self._store.read() as connection:
            return self._schedules(connection)

    def revision(self) -> tuple[object, ...]:
        """Return a value that differs after schedules, pauses, decisions or unfinished runs have changed.

        Cheap, to be asked each second. A schedule that another process redefines does not change it.
        """
        query = select(
            func.count(schedules.c.id),
            func.count(schedules.c.until),
            func.max(schedules.c.id),
            func.max(schedules.c.settled),
            select(func.max(windows.c.id)).scalar_subquery(),
            select(func.max(pauses.c.id)).scalar_subquery(),
            select(func.count(pauses.c.resumed)).scalar_subquery(),
            select(func.count(runs.c.run)).where(IS_OPEN).scalar_subquery(),
            select(func.max(runs.c.started)).where(IS_OPEN).scalar_subquery(),
        )
        with self._store.read() as connection:
            return tuple(connection.execute(query).one())

    def schedules_of(self, client: str) -> tuple[ScheduleView, ...]:
        """Return all present and past schedules of a client, oldest first."""
        query = select(schedules).where(schedules.c.client == client).order_by(schedules.c.since)
        with self._store.read() as connection:
            return self._views(connection, query, client)

    def settle(self, decide: Callable[[Schedules], Settlement]) -> Settlement:
        """Pass the schedules in force to `decide` and record its decisions in the same transaction.

        No other process can change the schedules in between, so each opening is decided once, by one
        definition.
        """
        with self._store.write() as connection:
            found = decide(self._schedules(connection))
            for one, until in found.ended.items():
                _change(connection, one, until=until, settled=until)
            for one, definition in found.redefined.items():
                _change(connection, one, definition=dict(definition))
            for one, settled in found.settled.items():
                _change(connection, one, settled=settled)
            if found.calendars:
                _add_calendars(connection, found.calendars)
            if found.started:
                connection.execute(insert(schedules), [asdict(one) for one in found.started])
            if found.decided:
                insert_ignoring(connection, windows, [_row(one) for one in found.decided])
            if found.ended or found.redefined:
                _delete_unused_calendars(connection)
        return found

    def reopen_after(self, at: datetime) -> None:
        """Undo decisions about openings after `at` that were made while the clock was ahead.

        Openings that were started stay started.
        """
        decided_ahead = schedules.c.until.is_(None) & (schedules.c.since <= at) & (schedules.c.settled > at)
        with self._store.read() as connection:
            if connection.execute(select(schedules.c.id).where(decided_ahead)).first() is None:
                return
        with self._store.write() as connection:
            connection.execute(update(schedules).where(decided_ahead).values(settled=at))

    def list(
        self, window: str | None = None, *, since: datetime | None = None, limit: int | None = None
    ) -> tuple[WindowView, ...]:
        """Return decided openings, latest start first."""
        query = select(windows).order_by(windows.c.starts.desc(), windows.c.id.desc()).limit(limit)
        if window is not None:
            query = query.where(windows.c.window == window)
        if since is not None:
            query = query.where(windows.c.starts >= since)
        with self._store.read() as connection:
            return tuple(map(window_view, connection.execute(query).mappings()))

    def _schedules(self, connection: Connection) -> Schedules:
        query = select(schedules).where(schedules.c.until.is_(None)).order_by(schedules.c.id)
        known = connection.execute(select(schedules.c.window).distinct()).scalars()
        return Schedules(self._views(connection, query), frozenset(known))

    def _views(
        self, connection: Connection, query: Select[Any], client: str | None = None
    ) -> tuple[ScheduleView, ...]:
        rows = connection.execute(query).mappings().all()
        digests = {digest for row in rows for digest in _digests(row["definition"])}
        if missing := digests - self._calendars.keys():
            found = select(calendars.c.digest, calendars.c.periods).where(calendars.c.digest.in_(missing))
            self._calendars |= {row.digest: row.periods for row in connection.execute(found)}
        paused = pauses_by_client(connection, client)
        approvals = undecided_approvals(connection, client)
        return tuple(
            ScheduleView(
                **row,
                calendars={one: self._calendars.get(one, "") for one in _digests(row["definition"])},
                pauses=paused.get(row["client"], ()),
                approvals=approvals.get((row["window"], row["client"]), ()),
            )
            for row in rows
        )


def open_window(connection: Connection, row: WindowView) -> bool:
    """Record what happens to an opening, in the caller's transaction; return False if it is decided already.

    Starting an opening overrides a decision that was made while the clock was ahead.
    """
    recorded = insert_new(connection, windows, _row(row))
    if not recorded and row.state is WindowState.RUN:
        same = [windows.c[name] == getattr(row, name) for name in ("window", "client", "site", "starts")]
        ahead = windows.c.run.is_(None) & (windows.c.recorded > row.recorded)
        recorded = connection.execute(update(windows).where(*same, ahead).values(**_row(row))).rowcount == 1
    mine = (schedules.c.window == row.window) & (schedules.c.client == row.client)
    connection.execute(
        update(schedules)
        .where(mine, schedules.c.until.is_(None), schedules.c.settled < row.starts)
        .values(settled=row.starts)
    )
    return recorded


def review_window(connection: Connection, run: str) -> None:
    """Set the opening of a finished run to `run`, or to `missed` if no site was started."""
    mine = windows.c.run == run
    missed = (run_sites.c.outcome == Outcome.MISSED.value) & run_sites.c.started.is_(None)
    others = select(run_sites.c.site).where(run_sites.c.run == run, missed.is_not(True))
    state, why = WindowState.RUN, ""
    if connection.execute(others).first() is None:
        reasons = select(run_sites.c.why).where(run_sites.c.run == run).order_by(run_sites.c.position)
        state, why = WindowState.MISSED, connection.execute(reasons).scalars().first() or ""
    connection.execute(
        update(windows).where(mine, windows.c.state != state.value).values(state=state.value, why=why)
    )


def window_view(row: RowMapping) -> WindowView:
    """Convert a row of `windows`."""
    fields = {name: row[name] for name in WindowView.__slots__}
    return WindowView(**fields | {"state": WindowState(row["state"])})


def _row(view: WindowView) -> dict[str, Any]:
    return asdict(view) | {"state": view.state.value}


def _digests(definition: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the calendars of a definition."""
    return tuple((definition or {}).get("calendars", ()))


def _add_calendars(connection: Connection, found: Mapping[str, str]) -> None:
    rows = [{"digest": digest, "periods": periods} for digest, periods in found.items()]
    insert_ignoring(connection, calendars, rows)


def _delete_unused_calendars(connection: Connection) -> None:
    """Delete calendars that no schedule has, so that a file that often changes does not fill the ledger."""
    definitions = connection.execute(select(schedules.c.definition)).scalars()
    used = {digest for definition in definitions for digest in _digests(definition)}
    known = set(connection.execute(select(calendars.c.digest)).scalars())
    if unused := known - used:
        connection.execute(delete(calendars).where(calendars.c.digest.in_(unused)))


def _change(connection: Connection, one: int, **values: Any) -> None:
    connection.execute(update(schedules).where(schedules.c.id == one).values(**values))
