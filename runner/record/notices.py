"""What the crew is not notified of yet. It is recorded in the transaction that queues the messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select, update

from runner.record.approvals import mark_noticed
from runner.record.deliveries import delivery_row
from runner.record.schema import deliveries, windows
from runner.record.store import Records, insert_new
from runner.record.views import (
    ApprovalView,
    DeliveryKind,
    DeliveryState,
    Missed,
    NewDelivery,
    WhyNot,
    WindowState,
    WindowView,
)
from runner.record.windows import window_view

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Notices"]

_UNDELIVERED = (DeliveryState.REFUSED, DeliveryState.BOUNCED, DeliveryState.UNSURE)
_NO_SCHEDULER = (windows.c.state == WindowState.MISSED.value) & windows.c.why.startswith(
    str(WhyNot.ABSENT), autoescape=True
)


class Notices(Records):
    """Openings of windows and reports, each until the crew was notified of it."""

    def openings(self) -> tuple[WindowView, ...]:
        """Return decided openings, oldest first, without those that were missed without a scheduler."""
        query = select(windows).where(windows.c.noticed.is_(None), ~_NO_SCHEDULER)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(windows.c.starts, windows.c.id)).mappings()
            return tuple(map(window_view, rows))

    def missed(self) -> Missed | None:
        """Return the openings that were missed because no scheduler was running; None if there are none."""
        query = select(
            func.count(), func.min(windows.c.starts), func.max(windows.c.starts), func.max(windows.c.recorded)
        ).where(windows.c.noticed.is_(None), _NO_SCHEDULER)
        names = select(windows.c.window).where(windows.c.noticed.is_(None), _NO_SCHEDULER).distinct()
        with self._store.read() as connection:
            openings, first, last, recorded = connection.execute(query).one()
            if not openings:
                return None
            found = tuple(sorted(connection.execute(names).scalars()))
        return Missed(openings=openings, first=first, last=last, windows=found, recorded=recorded)

    def undelivered_reports(self) -> tuple[tuple[str, str, str], ...]:
        """Return message id, client and period of the reports that did not reach every recipient."""
        query = select(deliveries.c.message_id, deliveries.c.client, deliveries.c.period).where(
            _undelivered(DeliveryKind.REPORT)
        )
        with self._store.read() as connection:
            return tuple(tuple(row) for row in connection.execute(query.order_by(deliveries.c.created)))

    def undelivered_announcements(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return message id, client, topic and reply of announcements that did not reach every recipient."""
        columns = (deliveries.c.message_id, deliveries.c.client, deliveries.c.topic, deliveries.c.reply)
        query = select(*columns).where(_undelivered(DeliveryKind.ANNOUNCEMENT))
        with self._store.read() as connection:
            return tuple(tuple(row) for row in connection.execute(query.order_by(deliveries.c.created)))

    def of_opening(
        self, window: str, starts: datetime, messages: Iterable[NewDelivery], at: datetime
    ) -> None:
        """Queue the messages about an opening for all clients; there may be none."""
        mine = (windows.c.window == window) & (windows.c.starts == starts) & ~_NO_SCHEDULER
        with self._store.write() as connection:
            _queue(connection, messages, at)
            connection.execute(update(windows).where(mine, windows.c.noticed.is_(None)).values(noticed=at))

    def of_missed(self, missed: Missed, messages: Iterable[NewDelivery], at: datetime) -> None:
        """Queue the messages about openings that were missed without a scheduler."""
        mine = windows.c.noticed.is_(None) & _NO_SCHEDULER & (windows.c.recorded <= missed.recorded)
        with self._store.write() as connection:
            _queue(connection, messages, at)
            connection.execute(update(windows).where(mine).values(noticed=at))

    def of_undelivered(self, names: Iterable[str], messages: Iterable[NewDelivery], at: datetime) -> None:
        """Queue the messages about reports or announcements that were not delivered, by message id."""
        mine = deliveries.c.message_id.in_(tuple(names))
        with self._store.write() as connection:
            _queue(connection, messages, at)
            connection.execute(update(deliveries).where(mine).values(noticed=at))

    def of_approvals(
        self, found: Iterable[ApprovalView], messages: Iterable[NewDelivery], at: datetime
    ) -> None:
        """Queue the messages about plans that wait for approval or could not be made."""
        with self._store.write() as connection:
            _queue(connection, messages, at)
            mark_noticed(connection, found, at)

    def queue(self, messages: Iterable[NewDelivery], at: datetime) -> None:
        """Queue messages about something that the ledger does not record."""
        with self._store.write() as connection:
            _queue(connection, messages, at)


def _undelivered(kind: DeliveryKind) -> ColumnElement[bool]:
    states = [state.value for state in _UNDELIVERED]
    return (deliveries.c.kind == kind.value) & deliveries.c.state.in_(states) & deliveries.c.noticed.is_(None)


def _queue(connection: Connection, messages: Iterable[NewDelivery], at: datetime) -> None:
    for message in messages:
        insert_new(connection, deliveries, delivery_row(message, at))
