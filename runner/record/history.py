"""What happened to sites in a span of time: all that a report needs, and what was not measured in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, or_, select, union_all

from runner.model import Outcome
from runner.record.autoupdates import auto_updates_between
from runner.record.evidence import backup_view
from runner.record.holds import hold_view
from runner.record.lastlook import read_last_looks
from runner.record.queries import change_view
from runner.record.schema import Instant, backups, changes, holds, looks, run_sites, runs, steps, windows
from runner.record.store import Store
from runner.record.views import (
    TOUCHED,
    BackupView,
    ChangeView,
    Failure,
    History,
    HoldView,
    LookSummary,
    SiteRun,
    WindowView,
)
from runner.record.windows import window_view

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping

__all__ = ["HistoryQueries"]


_FAILURES = [
    outcome.value
    for outcome in Outcome
    if outcome not in {Outcome.HELD, Outcome.CHANGED, Outcome.OK, Outcome.SKIPPED}
]


class HistoryQueries(Store):
    """Reading for reports."""

    def history(
        self, sites: Collection[str], start: datetime, end: datetime, *, client: str | None = None
    ) -> History:
        """What happened to sites, in one snapshot.

        Args:
            sites: their names.
            start: the first instant that counts.
            end: the first instant that does not.
            client: whose windows count too, where a window is due for a client as a whole.
        """
        names = sorted(sites)
        with self._read() as connection:
            found_runs = _runs(connection, names, start, end)
            found_backups = _backups(connection, names, start, end)
            found_looks = _looks(connection, names, start, end)
            found_windows = _windows(connection, names, client, start, end)
            tried = _backup_was_tried(connection, names, start, end)
            first, last = _extent(connection, names, (start, end))
            since, _ = _extent(connection, names, None)
            return History(
                sites=tuple(names),
                start=start,
                end=end,
                runs=found_runs,
                changes=_changes(connection, names, start, end),
                failures=_failures(connection, names, start, end),
                backups=found_backups,
                looks=found_looks,
                last_looks=read_last_looks(connection, names, start, end),
                windows=found_windows,
                holds=_holds(connection, names, start, end),
                auto_updates=auto_updates_between(connection, names, start, end),
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


def _measured(**subjects: bool) -> frozenset[Any]:
    return frozenset(subject for subject, was in subjects.items() if was)


def _within(column: ColumnElement[Any], start: datetime, end: datetime) -> ColumnElement[bool]:
    return (column >= start) & (column < end)


def _runs(
    connection: Connection, sites: Sequence[str], start: datetime, end: datetime
) -> tuple[SiteRun, ...]:
    query = (
        select(
            runs.c.run,
            runs.c.playbook,
            runs.c.title,
            runs.c.window,
            runs.c.started,
            run_sites.c.site,
            run_sites.c.outcome,
            run_sites.c.why,
            run_sites.c.finished,
        )
        .join(run_sites, run_sites.c.run == runs.c.run)
        .where(run_sites.c.site.in_(sites), _within(runs.c.started, start, end))
        .order_by(runs.c.started, run_sites.c.ring, run_sites.c.position)
    )
    return tuple(
        SiteRun(**dict(row) | {"outcome": row["outcome"] and Outcome(row["outcome"])})
        for row in connection.execute(query).mappings()
    )


def _changes(
    connection: Connection, sites: Sequence[str], start: datetime, end: datetime
) -> tuple[ChangeView, ...]:
    query = (
        select(changes)
        .where(changes.c.site.in_(sites), _within(changes.c.finished, start, end))
        .order_by(changes.c.finished, changes.c.run, changes.c.site, changes.c.step, changes.c.position)
    )
    return tuple(map(change_view, connection.execute(query).mappings()))


def _failures(
    connection: Connection, sites: Sequence[str], start: datetime, end: datetime
) -> tuple[Failure, ...]:
    query = (
        select(steps)
        .where(steps.c.site.in_(sites), _within(steps.c.finished, start, end), steps.c.outcome.in_(_FAILURES))
        .order_by(steps.c.finished, steps.c.run, steps.c.site, steps.c.position)
    )
    return tuple(map(_failure, connection.execute(query).mappings()))


def _failure(row: RowMapping) -> Failure:
    fields = {name: row[name] for name in Failure.__slots__}
    return Failure(**fields | {"outcome": Outcome(row["outcome"])})


def _backups(
    connection: Connection, sites: Sequence[str], start: datetime, end: datetime
) -> tuple[BackupView, ...]:
    query = (
        select(backups)
        .where(backups.c.site.in_(sites), _within(backups.c.taken, start, end))
        .order_by(backups.c.taken)
    )
    return tuple(map(backup_view, connection.execute(query).mappings()))


def _backup_was_tried(connection: Connection, sites: Sequence[str], start: datetime, end: datetime) -> bool:
    query = select(steps.c.step).where(
        steps.c.site.in_(sites),
        steps.c.kind == "backup",
        steps.c.outcome.in_([Outcome.OK.value, Outcome.CHANGED.value, Outcome.FAILED.value]),
        _within(steps.c.finished, start, end),
    )
    return connection.execute(query.limit(1)).first() is not None


def _looks(
    connection: Connection, sites: Sequence[str], start: datetime, end: datetime
) -> tuple[LookSummary, ...]:
    healthy = func.coalesce(func.sum(case((looks.c.healthy.is_(True), 1), else_=0)), 0)
    unhealthy = func.coalesce(func.sum(case((looks.c.healthy.is_(False), 1), else_=0)), 0)
    query = (
        select(
            looks.c.site,
            func.count().label("total"),
            healthy.label("healthy"),
            unhealthy.label("unhealthy"),
            (func.count() - healthy - unhealthy).label("unknown"),
            func.max(looks.c.seconds).label("slowest"),
            func.min(looks.c.at, type_=Instant()).label("first"),
            func.max(looks.c.at, type_=Instant()).label("last"),
        )
        .where(looks.c.site.in_(sites), _within(looks.c.at, start, end))
        .group_by(looks.c.site)
        .order_by(looks.c.site)
    )
    return tuple(LookSummary(**row) for row in connection.execute(query).mappings())


def _windows(
    connection: Connection, sites: Sequence[str], client: str | None, start: datetime, end: datetime
) -> tuple[WindowView, ...]:
    whole_client = (windows.c.client == client) & (windows.c.site == "")
    query = (
        select(windows)
        .where(or_(windows.c.site.in_(sites), whole_client), _within(windows.c.starts, start, end))
        .order_by(windows.c.starts, windows.c.id)
    )
    return tuple(map(window_view, connection.execute(query).mappings()))


def _holds(
    connection: Connection, sites: Sequence[str], start: datetime, end: datetime
) -> tuple[HoldView, ...]:
    query = (
        select(holds)
        .where(holds.c.site.in_(sites), holds.c.since < end)
        .where(or_(holds.c.lifted.is_(None), holds.c.lifted >= start))
        .order_by(holds.c.site, holds.c.item, holds.c.since)
    )
    return tuple(map(hold_view, connection.execute(query).mappings()))


def _extent(
    connection: Connection, sites: Sequence[str], span: tuple[datetime, datetime] | None
) -> tuple[datetime | None, datetime | None]:
    """First and last instant about which anything is recorded."""
    of_site = run_sites.c.site.in_(sites)
    sources: list[tuple[ColumnElement[Any], ColumnElement[bool]]] = [
        (runs.c.started, runs.c.run.in_(select(run_sites.c.run).where(of_site))),
        (run_sites.c.finished, of_site),
        (looks.c.at, looks.c.site.in_(sites)),
        (backups.c.taken, backups.c.site.in_(sites)),
    ]
    parts = []
    for column, condition in sources:
        limits = [condition] if span is None else [condition, _within(column, *span)]
        parts.append(select(func.min(column).label("first"), func.max(column).label("last")).where(*limits))
    every = union_all(*parts).subquery()
    instant = Instant()
    query = select(func.min(every.c.first, type_=instant), func.max(every.c.last, type_=instant))
    first, last = connection.execute(query).one()
    return first, last
