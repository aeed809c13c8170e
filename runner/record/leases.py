"""Leases: which processes live, and who takes over the work of one that does not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, true, update

from runner.record.schema import leases
from runner.record.store import Store, now, upsert
from runner.record.views import LEASE, LeaseView

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["LeaseBook", "lives"]


class LeaseBook(Store):
    """Who lives."""

    def acquire_lease(
        self, executor: str, *, host: str, pid: int, process_start: str, at: datetime | None = None
    ) -> None:
        """Enter a process. Executor ids are unique a process."""
        row = {
            "executor": executor,
            "host": host,
            "pid": pid,
            "process_start": process_start,
            "renewed": at or now(),
            "released": None,
            "taken_by": None,
        }
        with self._write() as connection:
            upsert(connection, leases, row, key="executor")

    def renew_lease(self, executor: str, *, at: datetime | None = None) -> bool:
        """Say that a process lives. False when another one took over: it must begin nothing more."""
        with self._write(synced_later=True) as connection:
            found = connection.execute(
                update(leases)
                .where(leases.c.executor == executor, leases.c.released.is_(None))
                .values(renewed=at or now()),
            )
        return found.rowcount == 1

    def release_lease(self, executor: str, *, at: datetime | None = None) -> None:
        """Say that a process has left in order."""
        with self._write() as connection:
            connection.execute(
                update(leases)
                .where(leases.c.executor == executor, leases.c.released.is_(None))
                .values(released=at or now()),
            )

    def take_over(self, executor: str, *, by: str, at: datetime | None = None) -> bool:
        """Take over what a dead process had in hand. True for exactly one of all who try."""
        at = at or now()
        with self._write() as connection:
            found = connection.execute(
                update(leases)
                .where(
                    leases.c.executor == executor,
                    leases.c.released.is_(None),
                    ~_holds(at),
                )
                .values(released=at, taken_by=by),
            )
        return found.rowcount == 1

    def living(self, *, at: datetime | None = None) -> tuple[LeaseView, ...]:
        """The processes whose lease holds."""
        return self._leases(_holds(at or now()))

    def dead(self, *, at: datetime | None = None) -> tuple[LeaseView, ...]:
        """The processes that neither renewed nor left in order, and whom nobody has taken over yet."""
        return self._leases(~_holds(at or now()))

    def unreleased(self) -> tuple[LeaseView, ...]:
        """The processes that have not left in order, living or dead."""
        return self._leases(true())

    def _leases(self, condition: ColumnElement[bool]) -> tuple[LeaseView, ...]:
        query = select(leases).where(leases.c.released.is_(None), condition).order_by(leases.c.renewed)
        with self._read() as connection:
            return tuple(LeaseView(**row) for row in connection.execute(query).mappings())


def lives(connection: Connection, executor: str, at: datetime) -> bool:
    """Whether a process holds a lease."""
    query = select(leases.c.executor).where(
        leases.c.executor == executor, leases.c.released.is_(None), _holds(at)
    )
    return connection.execute(query).first() is not None


def _holds(at: datetime) -> ColumnElement[bool]:
    """Renewed a moment before; where a clock was set back, also a moment after, but not long after."""
    return leases.c.renewed.between(at - LEASE, at + LEASE)
