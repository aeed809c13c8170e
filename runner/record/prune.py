"""Pruning: summarise or delete what is older than the retention, in short transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_, update

from runner.model import Cutoffs
from runner.record.acts import add_act
from runner.record.look_history import summary_rows
from runner.record.old_rows import deletable_runs, old_rows, prunable_runs
from runner.record.schema import (
    acts,
    deliveries,
    instant_text,
    look_summaries,
    looks,
    restore_points,
    run_sites,
    runs,
    segments,
    steps,
)
from runner.record.store import Records, now
from runner.record.views import DeliveryKind, DeliveryState, Pruned

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["Pruning"]

_AT_ONCE = 500
"""Rows per transaction, so that no other writer waits long."""
_DELIVERED = [
    state.value for state in DeliveryState if state not in {DeliveryState.QUEUED, DeliveryState.SENDING}
]


class Pruning(Records):
    """Prunes the ledger. Acts stay, so that their chain can still be verified."""

    def last(self, until: datetime) -> datetime | None:
        """Return when the ledger was pruned last; times after `until` are of a clock that was ahead."""
        query = select(func.max(acts.c.at)).where(acts.c.act == "prune", acts.c.at <= until)
        with self._store.read() as connection:
            return connection.execute(query).scalar()

    def preview(self, cut: Cutoffs) -> Pruned:
        """Count what `prune` would summarise or delete."""
        with self._store.read() as connection:
            counted = {
                "looks": _count(connection, looks, looks.c.at < cut.looks),
                "details": len(prunable_runs(connection, cut.details)),
                "messages": _count(connection, deliveries, _old_message(cut)),
                "runs": len(deletable_runs(connection, cut.history)),
            }
            for name, table, condition in old_rows(cut):
                counted[name] = counted.get(name, 0) + _count(connection, table, condition)
        return Pruned(counted, self._store.database.size())

    def prune(self, cut: Cutoffs, *, stopped: Callable[[], bool] = lambda: False) -> Pruned:
        """Summarise and delete what is older than the cutoffs, and return free space to the file system.

        Args:
            cut: the cutoffs.
            stopped: called between transactions, and may wait; if it returns True, the rest stays.

        Returns:
            What was pruned, and the size afterwards.
        """
        pruned: dict[str, int] = {}
        for name, work in self._works(cut):
            pruned.setdefault(name, 0)
            for rows in work:
                pruned[name] += rows
                if stopped():
                    return Pruned(pruned, self._store.database.size())
        self._store.database.shrink(stopped)
        return Pruned(pruned, self._store.database.size())

    def _works(self, cut: Cutoffs) -> Iterator[tuple[str, Iterator[int]]]:
        """Yield subjects with iterators that make a transaction for each number of rows that they yield."""
        self._record(cut)
        yield "looks", self._summarise(cut.looks)
        yield "details", self._delete_details(cut.details)
        yield "messages", self._empty_messages(cut)
        yield "runs", self._delete_runs(cut.history)
        for name, table, condition in old_rows(cut):
            yield name, self._delete(table, condition)

    def _record(self, cut: Cutoffs) -> None:
        """Record the act first: `verify` accepts a run without its order only after it."""
        details = {"details": instant_text(cut.details), "history": instant_text(cut.history)}
        with self._store.write() as connection:
            add_act(connection, self._store.operator, "prune", "the ledger", details=details)

    def _summarise(self, before: datetime) -> Iterator[int]:
        old = looks.c.at < before
        with self._store.read() as connection:
            found = connection.execute(select(looks.c.website).where(old).distinct()).scalars().all()
        for website in found:
            mine = looks.c.website.is_not_distinct_from(website) & old
            with self._store.write(synced_later=True) as connection:
                rows = connection.execute(select(looks).where(mine)).mappings().all()
                if rows:
                    connection.execute(insert(look_summaries), list(summary_rows(rows)))
                connection.execute(delete(looks).where(mine))
            yield len(rows)

    def _delete_details(self, before: datetime) -> Iterator[int]:
        with self._store.read() as connection:
            found = prunable_runs(connection, before)
        for run in found:
            with self._store.write(synced_later=True) as connection:
                _delete_details_of(connection, run)
                for table in (steps, run_sites, runs):
                    self._store.database.repack(connection, table, run)
            yield 1

    def _delete_runs(self, before: datetime) -> Iterator[int]:
        with self._store.read() as connection:
            found = deletable_runs(connection, before)
        for run in found:
            with self._store.write(synced_later=True) as connection:
                connection.execute(delete(runs).where(runs.c.run == run))
            yield 1

    def _empty_messages(self, cut: Cutoffs) -> Iterator[int]:
        """Delete the text of mails to clients; who received them when stays until the history is deleted."""
        while found := self._keys(deliveries, _old_message(cut)):
            with self._store.write(synced_later=True) as connection:
                mine = tuple_(deliveries.c.message_id).in_(found)
                connection.execute(update(deliveries).where(mine).values(message=b""))
            yield len(found)

    def _delete(self, table: Table, condition: ColumnElement[bool]) -> Iterator[int]:
        key = tuple_(*table.primary_key)
        while found := self._keys(table, condition):
            with self._store.write(synced_later=True) as connection:
                connection.execute(delete(table).where(key.in_(found)))
            yield len(found)

    def _keys(self, table: Table, condition: ColumnElement[bool]) -> list[Any]:
        query = select(*table.primary_key).where(condition).limit(_AT_ONCE)
        with self._store.read() as connection:
            return [tuple(row) for row in connection.execute(query)]


def _delete_details_of(connection: Connection, run: str) -> None:
    for table in (segments, restore_points):
        connection.execute(delete(table).where(table.c.run == run))
    with_output = (steps.c.run == run) & (steps.c.output != "")
    connection.execute(update(steps).where(with_output).values(output=""))
    connection.execute(update(run_sites).where(run_sites.c.run == run).values(plan=None, facts=None))
    connection.execute(update(runs).where(runs.c.run == run).values(order_text="", pruned=now()))


def _old_message(cut: Cutoffs) -> ColumnElement[bool]:
    to_client = (deliveries.c.kind != DeliveryKind.NOTICE.value) & deliveries.c.state.in_(_DELIVERED)
    return to_client & (deliveries.c.updated < cut.details) & (func.length(deliveries.c.message) > 0)


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
