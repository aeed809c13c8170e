"""Recorded reports, and the history that reports are made from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from runner.record.history import read_history
from runner.record.schema import reports
from runner.record.store import Records, now, upsert
from runner.record.views import History, ReportSummary, ReportView

__all__ = ["Reports"]


class Reports(Records):
    """The reports to all clients."""

    def record(
        self,
        client: str,
        period: str,
        kind: str,
        *,
        status: str,
        data: Mapping[str, object],
        html_sha256: str | None = None,
        created: datetime | None = None,
    ) -> None:
        """Record a report; it replaces an earlier one of the same client, period and kind."""
        row = {
            "client": client,
            "period": period,
            "kind": kind,
            "created": created or now(),
            "status": status,
            "data": dict(data),
            "html_sha256": html_sha256,
        }
        with self._store.write() as connection:
            upsert(connection, reports, row, key="client period kind")

    def get(self, client: str, period: str, kind: str) -> ReportView | None:
        """Return a recorded report, or None."""
        key = (reports.c.client == client) & (reports.c.period == period) & (reports.c.kind == kind)
        with self._store.read() as connection:
            row = connection.execute(select(reports).where(key)).mappings().one_or_none()
        return None if row is None else ReportView(**row)

    def list(self, *, period: str | None = None) -> tuple[ReportSummary, ...]:
        """Return the recorded reports without their data, newest first."""
        query = select(*(reports.c[name] for name in ReportSummary.__slots__))
        if period is not None:
            query = query.where(reports.c.period == period)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(reports.c.created.desc(), reports.c.client)).mappings()
            return tuple(ReportSummary(**row) for row in rows)

    def history(
        self, sites: Collection[str], start: datetime, end: datetime, *, client: str | None = None
    ) -> History:
        """Return what happened to sites in a period, read in one snapshot.

        Args:
            sites: their names.
            start: the first instant of the period.
            end: the first instant after it.
            client: return only rows of this client, even for sites that belong to another client now or have
                left the inventory. None: the rows of all clients of the sites.
        """
        with self._store.read() as connection:
            return read_history(connection, sites, start, end, client)
