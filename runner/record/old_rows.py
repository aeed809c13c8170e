"""Conditions for what is old enough to be pruned, and needed by nothing that stays."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, select

from runner.model import Cutoffs, Outcome, State
from runner.record.open_runs import IS_OPEN
from runner.record.schema import (
    acts,
    announcements,
    approvals,
    auto_updates,
    backups,
    deliveries,
    holds,
    leases,
    look_summaries,
    pauses,
    reports,
    run_sites,
    runs,
    schedules,
    sightings,
    windows,
)
from runner.record.views import DeliveryKind, DeliveryState

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, Table

__all__ = ["deletable_runs", "old_rows", "prunable_runs"]

_UNSENT = [DeliveryState.QUEUED.value, DeliveryState.SENDING.value]
_CHANGED = [Outcome.CHANGED.value, Outcome.FAILED.value, Outcome.LOST.value]
"""Outcomes of a site whose files may be those of the run."""


def prunable_runs(connection: Connection, before: datetime) -> list[str]:
    """Return the runs whose details can be deleted, oldest first.

    Left out are the last run that changed a website, which may be undone as long as its files are kept, and
    the runs that such a run or a later one undid.
    """
    found = connection.execute(_ended(before).where(runs.c.pruned.is_(None))).scalars().all()
    if not found:
        return []
    kept = _kept(connection, found)
    return [run for run in found if run not in kept]


def deletable_runs(connection: Connection, before: datetime) -> list[str]:
    """Return the runs that can be deleted, oldest first."""
    found = connection.execute(_ended(before)).scalars().all()
    if not found:
        return []
    kept = _kept(connection, found)
    return [run for run in found if run not in kept]


def old_rows(cut: Cutoffs) -> Iterator[tuple[str, Table, ColumnElement[bool]]]:
    """Yield tables with the condition for their old rows, each with the subject that they count for."""
    yield "summaries", look_summaries, look_summaries.c.last < cut.summaries
    yield "versions", sightings, _superseded(cut.summaries)
    yield "windows", windows, (windows.c.starts < cut.history) & windows.c.noticed.is_not(None)
    yield "windows", announcements, announcements.c.starts < cut.history
    yield "reports", reports, _old_report(cut)
    yield "messages", deliveries, _old_delivery(cut)
    yield "processes", leases, _dead_process(cut.details)
    yield "others", schedules, schedules.c.until < cut.history
    yield "others", approvals, approvals.c.until < cut.history
    yield "others", pauses, pauses.c.ends < cut.history
    yield "others", holds, holds.c.lifted < cut.history
    yield "others", auto_updates, auto_updates.c.settled < cut.history
    yield "others", backups, backups.c.removed < cut.history


def _ended(before: datetime) -> Select[Any]:
    """Select runs that started and ended before an instant, also by the act that started them.

    `verify` compares with the act, whose time cannot be changed unnoticed.
    """
    acted = select(acts.c.id).where(acts.c.run == runs.c.run, acts.c.at >= before).exists()
    return (
        select(runs.c.run)
        .where(runs.c.state == State.ENDED.value, runs.c.finished < before, runs.c.started < before, ~acted)
        .order_by(runs.c.started)
    )


def _kept(connection: Connection, old: Collection[str]) -> set[str]:
    """Return the runs among old ones that something needs, and others."""
    last = (
        select(run_sites.c.website, func.max(run_sites.c.finished).label("finished"))
        .where(run_sites.c.outcome.in_(_CHANGED))
        .group_by(run_sites.c.website)
        .subquery()
    )
    same = (last.c.website == run_sites.c.website) & (last.c.finished == run_sites.c.finished)
    kept = set(connection.execute(select(run_sites.c.run).join(last, same)).scalars())
    unsettled = select(auto_updates.c.run).where(auto_updates.c.settled.is_(None))
    kept |= set(connection.execute(unsettled).scalars())
    undone = select(runs.c.run, runs.c.undoes).where(runs.c.undoes.is_not(None))
    before = {row.run: row.undoes for row in connection.execute(undone)}
    kept |= before.keys() - set(old)
    chain = kept
    while chain := {before[run] for run in chain if run in before} - kept:
        kept |= chain
    return kept


def _superseded(before: datetime) -> ColumnElement[bool]:
    """Versions of items of which a newer one was seen before that instant, too."""
    newer = sightings.alias()
    same = (newer.c[name] == sightings.c[name] for name in ("website", "kind", "item"))
    later = select(newer.c.version).where(
        *same, newer.c.first_seen > sightings.c.first_seen, newer.c.first_seen < before
    )
    return (sightings.c.first_seen < before) & later.exists()


def _old_report(cut: Cutoffs) -> ColumnElement[bool]:
    interim = reports.c.kind.startswith("interim-", autoescape=True)
    return (reports.c.created < cut.history) | (interim & (reports.c.created < cut.details))


def _old_delivery(cut: Cutoffs) -> ColumnElement[bool]:
    notice = deliveries.c.kind == DeliveryKind.NOTICE.value
    ended = deliveries.c.state.not_in(_UNSENT)
    return ended & ((deliveries.c.updated < cut.history) | (notice & (deliveries.c.updated < cut.details)))


def _dead_process(before: datetime) -> ColumnElement[bool]:
    working = select(runs.c.executor).where(IS_OPEN, runs.c.executor.is_not(None))
    return (leases.c.renewed < before) & leases.c.executor.not_in(working)
