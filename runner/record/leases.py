"""Leases: which processes are alive, and which process takes over from one that is not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, true, update

from runner.record.processes import stopped_at
from runner.record.schema import leases
from runner.record.store import Records, now, upsert
from runner.record.views import LEASE, LeaseView

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["Leases", "end_lease"]


class Leases(Records):
    """The leases of processes that work on runs."""

    def acquire(
        self, executor: str, *, host: str, pid: int, process_start: str, at: datetime | None = None
    ) -> None:
        """Record a process. Each process has its own executor id."""
        row = {
            "executor": executor,
            "host": host,
            "pid": pid,
            "process_start": process_start,
            "renewed": at or now(),
            "released": None,
            "taken_by": None,
        }
        with self._store.write(concurrent=True) as connection:
            upsert(connection, leases, row, key="executor")

    def renew(self, executor: str, *, at: datetime | None = None) -> bool:
        """Renew a lease. Return False if another process took over: this one must not start anything then."""
        with self._store.write(synced_later=True, concurrent=True) as connection:
            found = connection.execute(
                update(leases)
                .where(leases.c.executor == executor, leases.c.released.is_(None))
                .values(renewed=at or now()),
            )
        return found.rowcount == 1

    def release(self, executor: str, *, at: datetime | None = None) -> None:
        """Record that a process exited cleanly."""
        with self._store.write(concurrent=True) as connection:
            connection.execute(
                update(leases)
                .where(leases.c.executor == executor, leases.c.released.is_(None))
                .values(released=at or now()),
            )

    def take_over(self, executor: str, *, by: str, at: datetime | None = None) -> bool:
        """Take over an expired lease. Only one of several concurrent callers gets True."""
        at = at or now()
        expired = (leases.c.executor == executor) & leases.c.released.is_(None) & ~_is_valid(at)
        with self._store.write(concurrent=True) as connection:
            found = connection.execute(update(leases).where(expired).values(released=at, taken_by=by))
        return found.rowcount == 1

    def list_valid(self, *, at: datetime | None = None) -> tuple[LeaseView, ...]:
        """Return the leases of live processes."""
        return self._unreleased_where(_is_valid(at or now()))

    def list_expired(self, *, at: datetime | None = None) -> tuple[LeaseView, ...]:
        """Return the expired leases that were not released or taken over."""
        return self._unreleased_where(~_is_valid(at or now()))

    def list_unreleased(self) -> tuple[LeaseView, ...]:
        """Return all leases, valid or expired, that were not released or taken over."""
        return self._unreleased_where(true())

    def _unreleased_where(self, condition: ColumnElement[bool]) -> tuple[LeaseView, ...]:
        query = select(leases).where(leases.c.released.is_(None), condition).order_by(leases.c.renewed)
        with self._store.read() as connection:
            return tuple(LeaseView(**row) for row in connection.execute(query).mappings())


def end_lease(connection: Connection, executor: str, *, by: str, at: datetime) -> bool:
    """Release the lease of a process that has ended, so that it stops if it continues; False if it is alive.

    A process of this machine is alive while it exists, whatever its clock says.
    """
    row = connection.execute(select(leases).where(leases.c.executor == executor)).mappings().one_or_none()
    if row is None or row["released"] is not None:
        return True
    if stopped_at(LeaseView(**row), at) is None:
        return False
    connection.execute(
        update(leases)
        .where(leases.c.executor == executor, leases.c.released.is_(None))
        .values(released=at, taken_by=by)
    )
    return True


def _is_valid(at: datetime) -> ColumnElement[bool]:
    # If the clock was set back, a lease may be slightly in the future, but not far.
    return leases.c.renewed.between(at - LEASE, at + LEASE)
