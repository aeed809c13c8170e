"""Windows: which schedules are in force, and the one row that says what became of each due opening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from runner.model import Outcome
from runner.record.schema import run_sites, schedules, windows
from runner.record.store import Store, insert_ignoring, insert_new, now
from runner.record.views import Schedules, ScheduleView, Settlement, WindowState, WindowView

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["WindowBook", "open_window", "review_window", "window_view"]


class WindowBook(Store):
    """Schedules and due windows."""

    def claim_window(
        self,
        window: str,
        starts: datetime,
        *,
        closes: datetime,
        state: WindowState,
        client: str = "",
        site: str = "",
        run: str | None = None,
        why: str = "",
        at: datetime | None = None,
    ) -> bool:
        """Decide what becomes of an opening. True for exactly one of all who try; it stays as decided."""
        row = WindowView(
            window=window,
            client=client,
            site=site,
            starts=starts,
            closes=closes,
            state=state,
            run=run,
            why=why,
            recorded=at or now(),
        )
        return self.claim(row)

    def claim(self, row: WindowView) -> bool:
        """As `claim_window`."""
        with self._write() as connection:
            return open_window(connection, row)

    def schedules(self) -> Schedules:
        """What is in force now."""
        with self._read() as connection:
            return _schedules(connection)

    def schedules_of(self, client: str) -> tuple[ScheduleView, ...]:
        """All schedules that a client has or had, oldest first."""
        query = select(schedules).where(schedules.c.client == client).order_by(schedules.c.since)
        with self._read() as connection:
            return tuple(ScheduleView(**row) for row in connection.execute(query).mappings())

    def settle_windows(self, decide: Callable[[Schedules], Settlement]) -> Settlement:
        """Write down in one transaction what `decide` makes of the schedules in force.

        Nobody else changes them meanwhile, so that openings are decided by one definition and once.
        """
        with self._write() as connection:
            found = decide(_schedules(connection))
            for one, until in found.ended.items():
                _change(connection, one, until=until, settled=until)
            for one, definition in found.redefined.items():
                _change(connection, one, definition=dict(definition))
            for one, settled in found.settled.items():
                _change(connection, one, settled=settled)
            if found.started:
                connection.execute(insert(schedules), [asdict(one) for one in found.started])
            if found.decided:
                insert_ignoring(connection, windows, [_row(one) for one in found.decided])
        return found

    def turn_back(self, at: datetime) -> None:
        """Open again what starts after `at`, where a clock that was ahead has decided it.

        What was started stays: it is never started twice.
        """
        ahead = schedules.c.until.is_(None) & (schedules.c.since <= at) & (schedules.c.settled > at)
        with self._read() as connection:
            if connection.execute(select(schedules.c.id).where(ahead)).first() is None:
                return
        with self._write() as connection:
            connection.execute(update(schedules).where(ahead).values(settled=at))

    def list_windows(
        self, window: str | None = None, *, since: datetime | None = None, limit: int | None = None
    ) -> tuple[WindowView, ...]:
        """Due windows that were decided, the latest start first; `limit` is for a person who lists them."""
        query = select(windows).order_by(windows.c.starts.desc(), windows.c.id.desc()).limit(limit)
        if window is not None:
            query = query.where(windows.c.window == window)
        if since is not None:
            query = query.where(windows.c.starts >= since)
        with self._read() as connection:
            return tuple(map(window_view, connection.execute(query).mappings()))


def open_window(connection: Connection, row: WindowView) -> bool:
    """Decide an opening inside a transaction; False when it was decided already.

    One that is started takes the place of what a clock that was ahead has decided.
    """
    won = insert_new(connection, windows, _row(row))
    if not won and row.state is WindowState.RUN:
        same = [windows.c[name] == getattr(row, name) for name in ("window", "client", "site", "starts")]
        ahead = (windows.c.state != WindowState.RUN.value) & (windows.c.recorded > row.recorded)
        won = connection.execute(update(windows).where(*same, ahead).values(**_row(row))).rowcount == 1
    mine = (schedules.c.window == row.window) & (schedules.c.client == row.client)
    connection.execute(
        update(schedules)
        .where(mine, schedules.c.until.is_(None), schedules.c.settled < row.starts)
        .values(settled=row.starts)
    )
    return won


def review_window(connection: Connection, run: str) -> None:
    """Say of the window of a run that has ended whether anything was started in it."""
    mine = windows.c.run == run
    others = select(run_sites.c.site).where(
        run_sites.c.run == run, run_sites.c.outcome.is_distinct_from(Outcome.MISSED.value)
    )
    state, why = WindowState.RUN, ""
    if connection.execute(others).first() is None:
        reasons = select(run_sites.c.why).where(run_sites.c.run == run).order_by(run_sites.c.position)
        state, why = WindowState.MISSED, connection.execute(reasons).scalars().first() or ""
    connection.execute(
        update(windows).where(mine, windows.c.state != state.value).values(state=state.value, why=why)
    )


def window_view(row: RowMapping) -> WindowView:
    """A row of `windows`."""
    fields = {name: row[name] for name in WindowView.__slots__}
    return WindowView(**fields | {"state": WindowState(row["state"])})


def _row(view: WindowView) -> dict[str, Any]:
    return asdict(view) | {"state": view.state.value}


def _schedules(connection: Connection) -> Schedules:
    query = select(schedules).where(schedules.c.until.is_(None)).order_by(schedules.c.id)
    known = connection.execute(select(schedules.c.window).distinct()).scalars()
    found = connection.execute(query).mappings()
    return Schedules(tuple(ScheduleView(**row) for row in found), frozenset(known))


def _change(connection: Connection, one: int, **values: Any) -> None:
    connection.execute(update(schedules).where(schedules.c.id == one).values(**values))
