"""Jobs on the hosts: recorded before they start, when they have ended, and when the host has deleted them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from runner.model import StepOutcome
from runner.record.schema import segments
from runner.record.steps import lock_site, write_outcomes
from runner.record.store import Records, now, upsert
from runner.record.views import SegmentView

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Jobs"]


class _JobState(StrEnum):
    STARTED = "started"
    ENDED = "ended"
    ACKNOWLEDGED = "acked"


class Jobs(Records):
    """The jobs of all runs. They are stored in the table `segments`."""

    def started(
        self,
        run: str,
        site: str,
        number: int,
        job: str,
        at: datetime | None = None,
        *,
        trial: str | None = None,
        span: Sequence[float] | None = None,
    ) -> bool:
        """Record that a job is about to start. Return False if this job has ended already.

        `trial` is text of the caller that a later attempt needs to judge the job. `span` holds the job's time
        limits in seconds, which also apply to a later attempt.
        """
        row: dict[str, Any] = {"run": run, "site": site, "number": number, "job": job, "trial": trial}
        row |= {"state": _JobState.STARTED.value, "status": None, "recorded": at or now(), "span": span}
        with self._store.write(concurrent=True) as connection:
            lock_site(connection, run, site)
            if _has_ended(connection, run, site, number, job):
                return False
            upsert(connection, segments, row, key="run site number")
        return True

    def ended(
        self,
        run: str,
        site: str,
        number: int,
        job: str,
        *,
        status: str,
        outcomes: Sequence[StepOutcome],
        at: datetime,
        undo_seconds: float | None = None,
    ) -> bool:
        """Record in one transaction how a job and its steps ended.

        The job may be deleted from the host (`ack`) once this returns. Recording the same job again changes
        nothing and returns False, so that it cannot overwrite a later verdict such as an undo. `undo_seconds`
        is the time that a rollback took.

        Raises:
            LedgerError: the site does not have all of these steps, or the ledger cannot be written.
        """
        row = {"run": run, "site": site, "number": number, "job": job}
        row |= {
            "state": _JobState.ENDED.value,
            "status": status,
            "recorded": at,
            "undo_seconds": undo_seconds,
        }
        with self._store.write(concurrent=True) as connection:
            lock_site(connection, run, site)
            if _has_ended(connection, run, site, number, job):
                return False
            write_outcomes(connection, run, site, outcomes, at)
            upsert(connection, segments, row, key="run site number")
        return True

    def acknowledged(self, run: str, site: str, number: int) -> None:
        """Record that the host has deleted the job."""
        with self._store.write(synced_later=True, concurrent=True) as connection:
            connection.execute(_ACKED, {"of_run": run, "of_site": site, "of_number": number})

    def list(self, run: str, site: str) -> tuple[SegmentView, ...]:
        """Return all jobs of a site in order."""
        query = (
            select(segments).where(segments.c.run == run, segments.c.site == site).order_by(segments.c.number)
        )
        with self._store.read() as connection:
            return tuple(SegmentView(**row) for row in connection.execute(query).mappings())

    def sites_with_open(self, run: str, *, since: datetime | None = None) -> frozenset[str]:
        """Return the sites of a run on which a job may be running: its end is not recorded.

        `since`: only those with a job that was started then or later.
        """
        query = select(segments.c.site).where(
            segments.c.run == run, segments.c.state == _JobState.STARTED.value
        )
        if since is not None:
            query = query.where(segments.c.recorded >= since)
        with self._store.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def list_ended(self, run: str, site: str) -> tuple[SegmentView, ...]:
        """Return the jobs of a site whose end is recorded."""
        return tuple(job for job in self.list(run, site) if job.state != _JobState.STARTED)


_SEGMENT = select(segments.c.job, segments.c.state).where(
    segments.c.run == bindparam("of_run"),
    segments.c.site == bindparam("of_site"),
    segments.c.number == bindparam("of_number"),
)
_ACKED = (
    update(segments)
    .where(
        segments.c.run == bindparam("of_run"),
        segments.c.site == bindparam("of_site"),
        segments.c.number == bindparam("of_number"),
        segments.c.state == _JobState.ENDED.value,
    )
    .values(state=_JobState.ACKNOWLEDGED.value)
)


def _has_ended(connection: Connection, run: str, site: str, number: int, job: str) -> bool:
    which = {"of_run": run, "of_site": site, "of_number": number}
    row = connection.execute(_SEGMENT, which).one_or_none()
    return row is not None and row.job == job and row.state != _JobState.STARTED
