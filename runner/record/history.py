"""What happened to sites in a period: everything that a report needs, and what was not measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, union_all

from runner.model import Outcome
from runner.record.autoupdates import auto_update_view
from runner.record.backups import backup_view, select_backups
from runner.record.details import IS_MAINTENANCE, change_view
from runner.record.holds import hold_view, select_holds
from runner.record.lastlook import read_last_look
from runner.record.look_history import summaries_of_sites
from runner.record.schema import (
    Instant,
    auto_updates,
    backups,
    changes,
    holds,
    look_summaries,
    looks,
    run_sites,
    runs,
    steps,
    websites,
    windows,
)
from runner.record.views import (
    TOUCHED,
    AutoUpdateView,
    BackupView,
    ChangeView,
    Failure,
    History,
    HoldView,
    LookSummary,
    SiteRun,
    Undo,
    WebsiteView,
    WindowView,
)
from runner.record.websites import find_website
from runner.record.windows import window_view

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table

__all__ = ["read_history"]


_FAILURES = [
    outcome.value
    for outcome in Outcome
    if outcome not in {Outcome.HELD, Outcome.CHANGED, Outcome.OK, Outcome.SKIPPED}
]


def read_history(
    connection: Connection, sites: Collection[str], start: datetime, end: datetime, client: str | None
) -> History:
    """Return what happened to sites from `start` to before `end`; see `Reports.history`."""
    scope = _scope(connection, sites, client, start, end)
    found_runs = _runs(connection, scope)
    found_backups = _backups(connection, scope)
    found_looks = _looks(connection, scope)
    found_windows = _windows(connection, scope)
    tried = _backup_attempted(connection, scope)
    first, last = _extent(connection, scope, within=True)
    since, _ = _extent(connection, scope, within=False)
    return History(
        sites=scope.names,
        websites=scope.websites,
        start=start,
        end=end,
        runs=found_runs,
        changes=_changes(connection, scope, _within(changes.c.finished, start, end)),
        later=_changes(connection, scope, runs.c.undoes.is_not(None) & (changes.c.finished >= end)),
        failures=_failures(connection, scope),
        backups=found_backups,
        looks=found_looks,
        last_looks=tuple(read_last_look(connection, site, client, start, end) for site in scope.websites),
        windows=found_windows,
        holds=_holds(connection, scope),
        auto_updates=_auto_updates(connection, scope),
        measured=_measured(
            changes=any(run.outcome in TOUCHED for run in found_runs),
            backups=bool(found_backups) or tried,
            looks=bool(found_looks),
            windows=bool(found_windows),
        ),
        first=first,
        last=last,
        since=since,
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """The websites, the client and the period."""

    names: tuple[str, ...]
    """Names of the sites, including those that are not in the ledger."""
    websites: tuple[WebsiteView, ...]
    client: str | None
    start: datetime
    end: datetime

    def rows(self, table: Table, column: ColumnElement[Any] | None = None) -> ColumnElement[bool]:
        """The condition for rows of a table; with a column, only those in the period."""
        mine: ColumnElement[bool] = table.c.website.in_([one.id for one in self.websites])
        if table is run_sites:
            mine &= IS_MAINTENANCE
        if self.client is not None:
            mine &= table.c.client == self.client
        return mine if column is None else mine & self.within(column)

    def within(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition for an instant in the period."""
        return _within(column, self.start, self.end)


def _scope(
    connection: Connection, sites: Collection[str], client: str | None, start: datetime, end: datetime
) -> _Scope:
    """Return the requested sites and those with rows of the client in the period.

    A site that moved to the client after the period is left out, because its rows are another client's.
    """
    ids = {name: find_website(connection, name) for name in sites}
    others = set() if client is None else _recorded(connection, client, start, end)
    wanted = {*ids.values(), *others} - {None}
    rows = connection.execute(select(websites).where(websites.c.id.in_(wanted)).order_by(websites.c.name))
    found = [WebsiteView(**row) for row in rows.mappings()]
    known = tuple(
        one for one in found if one.id in others or client is None or one.moved is None or one.moved < end
    )
    unknown = {name for name, found_id in ids.items() if found_id is None}
    return _Scope(tuple(sorted({*unknown, *(one.name for one in known)})), known, client, start, end)


def _recorded(connection: Connection, client: str, start: datetime, end: datetime) -> set[int]:
    """Return the websites with rows of a client in a period."""
    of_runs = select(run_sites.c.website).join(runs, runs.c.run == run_sites.c.run)
    late = _within(runs.c.started, start, end) | _within(run_sites.c.finished, start, end)
    queries = [
        of_runs.where(run_sites.c.client == client, late, IS_MAINTENANCE),
        select(looks.c.website).where(looks.c.client == client, _within(looks.c.at, start, end)),
        select(backups.c.website).where(backups.c.client == client, _within(backups.c.taken, start, end)),
    ]
    return {one for query in queries for one in connection.execute(query.distinct()).scalars()}


def _measured(**subjects: bool) -> frozenset[Any]:
    return frozenset(subject for subject, was in subjects.items() if was)


def _within(column: ColumnElement[Any], start: datetime, end: datetime) -> ColumnElement[bool]:
    return (column >= start) & (column < end)


_NAME = websites.c.name.label("site")
"""The present name of a site; its rows have the name that it had when they were written."""


def _runs(connection: Connection, scope: _Scope) -> tuple[SiteRun, ...]:
    query = (
        select(
            runs.c.run,
            runs.c.playbook,
            runs.c.title,
            runs.c.window,
            runs.c.started,
            runs.c.undoes,
            _NAME,
            run_sites.c.outcome,
            run_sites.c.why,
            run_sites.c.finished,
            run_sites.c.started.label("site_started"),
        )
        .join(run_sites, run_sites.c.run == runs.c.run)
        .join(websites, websites.c.id == run_sites.c.website)
        .where(scope.rows(run_sites, runs.c.started))
        .order_by(runs.c.started, run_sites.c.ring, run_sites.c.position)
    )
    return tuple(
        SiteRun(**dict(row) | {"outcome": row["outcome"] and Outcome(row["outcome"])})
        for row in connection.execute(query).mappings()
    )


def _of_run_site(table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select rows about sites of runs, with the sites' present names."""
    others = (column for column in table.c if column.name != "site")
    return (
        select(_NAME, *others, *columns)
        .join(run_sites, (run_sites.c.run == table.c.run) & (run_sites.c.site == table.c.site))
        .join(websites, websites.c.id == run_sites.c.website)
    )


def _changes(connection: Connection, scope: _Scope, when: ColumnElement[bool]) -> tuple[ChangeView, ...]:
    query = (
        _of_run_site(changes, runs.c.undoes)
        .join(runs, runs.c.run == changes.c.run)
        .where(scope.rows(run_sites), when)
        .order_by(changes.c.finished, changes.c.run, changes.c.site, changes.c.step, changes.c.position)
    )
    rows = connection.execute(query).mappings().all()
    undone = dict(_undos(connection).items()) if any(row["undoes"] for row in rows) else {}
    return tuple(replace(change_view(row), undo=_undo_kind(row["run"], undone)) for row in rows)


def _undos(connection: Connection) -> Mapping[str, str]:
    """Return all undo runs, and the run that each undoes."""
    query = select(runs.c.run, runs.c.undoes).where(runs.c.undoes.is_not(None))
    return {row.run: row.undoes for row in connection.execute(query)}


def _undo_kind(run: str, undoes: Mapping[str, str]) -> Undo | None:
    """Return whether a run undoes changes or an earlier undo."""
    chain = [run]
    while (before := undoes.get(chain[-1])) and before not in chain:
        chain.append(before)
    if len(chain) == 1:
        return None
    return Undo.BACK if len(chain) % 2 == 0 else Undo.AGAIN


def _failures(connection: Connection, scope: _Scope) -> tuple[Failure, ...]:
    query = (
        _of_run_site(steps)
        .where(scope.rows(run_sites, steps.c.finished), steps.c.outcome.in_(_FAILURES))
        .order_by(steps.c.finished, steps.c.run, steps.c.site, steps.c.position)
    )
    return tuple(map(_failure, connection.execute(query).mappings()))


def _failure(row: RowMapping) -> Failure:
    fields = {name: row[name] for name in Failure.__slots__}
    return Failure(**fields | {"outcome": Outcome(row["outcome"])})


def _backups(connection: Connection, scope: _Scope) -> tuple[BackupView, ...]:
    query = select_backups().where(scope.rows(backups, backups.c.taken)).order_by(backups.c.taken)
    return tuple(map(backup_view, connection.execute(query).mappings()))


def _backup_attempted(connection: Connection, scope: _Scope) -> bool:
    query = _of_run_site(steps).where(
        scope.rows(run_sites, steps.c.finished),
        steps.c.kind == "backup",
        steps.c.outcome.in_([Outcome.OK.value, Outcome.CHANGED.value, Outcome.FAILED.value]),
    )
    return connection.execute(query.limit(1)).first() is not None


def _looks(connection: Connection, scope: _Scope) -> tuple[LookSummary, ...]:
    return summaries_of_sites(
        connection, scope.rows(looks, looks.c.at), scope.rows(look_summaries, look_summaries.c.last)
    )


def _windows(connection: Connection, scope: _Scope) -> tuple[WindowView, ...]:
    of_site: ColumnElement[bool] = windows.c.site.in_(scope.names)
    if scope.client is not None:
        of_site &= windows.c.client.in_(["", scope.client])
    whole_client = (windows.c.client == scope.client) & (windows.c.site == "")
    query = (
        select(windows)
        .where(or_(of_site, whole_client), scope.within(windows.c.starts))
        .order_by(windows.c.starts, windows.c.id)
    )
    return tuple(map(window_view, connection.execute(query).mappings()))


def _holds(connection: Connection, scope: _Scope) -> tuple[HoldView, ...]:
    """Holds belong to their website, so only its present client sees them."""
    mine = [one.id for one in scope.websites if scope.client in {None, one.client}]
    query = (
        select_holds()
        .where(holds.c.website.in_(mine), holds.c.since < scope.end)
        .where(or_(holds.c.lifted.is_(None), holds.c.lifted >= scope.start))
    )
    return tuple(map(hold_view, connection.execute(query).mappings()))


def _auto_updates(connection: Connection, scope: _Scope) -> tuple[AutoUpdateView, ...]:
    """Return those that were switched off at any time in the period, or forced in it, oldest first."""
    since, settled = auto_updates.c.since, auto_updates.c.settled
    others = (column for column in auto_updates.c if column.name != "site")
    query = (
        select(_NAME, *others)
        .join(websites, websites.c.id == auto_updates.c.website)
        .where(scope.rows(auto_updates), since < scope.end, or_(settled.is_(None), settled >= scope.start))
        .order_by(auto_updates.c.id)
    )
    return tuple(map(auto_update_view, connection.execute(query).mappings()))


def _extent(
    connection: Connection, scope: _Scope, *, within: bool
) -> tuple[datetime | None, datetime | None]:
    """Return the first and last instant with a record."""
    of_run = select(run_sites.c.run).where(scope.rows(run_sites))
    sources: list[tuple[ColumnElement[Any], ColumnElement[bool]]] = [
        (runs.c.started, runs.c.run.in_(of_run)),
        (run_sites.c.finished, scope.rows(run_sites)),
        (looks.c.at, scope.rows(looks)),
        (look_summaries.c.first, scope.rows(look_summaries)),
        (look_summaries.c.last, scope.rows(look_summaries)),
        (backups.c.taken, scope.rows(backups)),
    ]
    parts = []
    for column, condition in sources:
        limits = [condition, scope.within(column)] if within else [condition]
        parts.append(select(func.min(column).label("first"), func.max(column).label("last")).where(*limits))
    every = union_all(*parts).subquery()
    instant = Instant()
    query = select(func.min(every.c.first, type_=instant), func.max(every.c.last, type_=instant))
    first, last = connection.execute(query).one()
    return first, last
