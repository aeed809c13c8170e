"""Announcements: each is recorded in the transaction that queues its message, so that it is sent once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from runner.record.deliveries import delivery_row
from runner.record.schema import announcements, deliveries
from runner.record.store import Records, insert_new
from runner.record.views import (
    AnnouncementState,
    AnnouncementView,
    DeliveryKind,
    DeliveryState,
    NewAnnouncement,
    NewDelivery,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["Announcements"]


class Announcements(Records):
    """Openings that were announced to clients."""

    def add(
        self, new: NewAnnouncement, message: NewDelivery, *, at: datetime, replaces: int | None = None
    ) -> bool:
        """Record an announcement and queue its message.

        Args:
            new: the opening.
            message: the message to the client.
            at: the current time.
            replaces: the announcement that this one replaces, by id.

        Returns:
            False if another process was first: the opening is announced, or the other one has ended.
        """
        row = {
            "window": new.window,
            "client": new.client,
            "starts": new.starts,
            "closes": new.closes,
            "edition": new.edition,
            "state": AnnouncementState.ANNOUNCED.value,
            "announced": at,
            "message_id": message.message_id,
        }
        with self._store.write() as connection:
            if replaces is not None and not _applies(connection, replaces):
                return False
            if not insert_new(connection, announcements, row):
                return False
            if replaces is not None:
                _end(connection, replaces, AnnouncementState.MOVED, at)
            insert_new(connection, deliveries, delivery_row(message, at))
        return True

    def cancel(self, one: int, message: NewDelivery, *, why: str, at: datetime) -> bool:
        """End an announcement and queue the message that it does not take place.

        Returns:
            False if another process was first.
        """
        with self._store.write() as connection:
            if not _applies(connection, one):
                return False
            _end(connection, one, AnnouncementState.CANCELLED, at, why=why, message_id=message.message_id)
            insert_new(connection, deliveries, delivery_row(message, at))
        return True

    def rename(self, one: int, window: str, edition: int) -> None:
        """Set the window of an announcement whose window has a new name. The client is not notified."""
        mine = (announcements.c.id == one) & (announcements.c.state == AnnouncementState.ANNOUNCED.value)
        with self._store.write() as connection:
            connection.execute(update(announcements).where(mine).values(window=window, edition=edition))

    def upcoming(self, now: datetime) -> tuple[AnnouncementView, ...]:
        """Return the announcements of openings that start after `now`, also those that have ended."""
        query = select(announcements).where(announcements.c.starts > now)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(announcements.c.starts, announcements.c.id)).mappings()
            return tuple(map(_view, rows))

    def list(self, client: str | None = None) -> tuple[AnnouncementView, ...]:
        """Return announcements, latest start first."""
        query = select(announcements).order_by(announcements.c.starts.desc(), announcements.c.id.desc())
        if client is not None:
            query = query.where(announcements.c.client == client)
        with self._store.read() as connection:
            return tuple(map(_view, connection.execute(query).mappings()))

    def too_late(self, now: datetime) -> tuple[str, ...]:
        """Return the ids of queued messages about openings that have started."""
        about = or_(
            announcements.c.message_id == deliveries.c.message_id,
            announcements.c.ended_message_id == deliveries.c.message_id,
        )
        queued = (deliveries.c.state == DeliveryState.QUEUED.value) & (
            deliveries.c.kind == DeliveryKind.ANNOUNCEMENT.value
        )
        query = select(deliveries.c.message_id).join(announcements, about)
        with self._store.read() as connection:
            return tuple(connection.execute(query.where(queued, announcements.c.starts <= now)).scalars())


def _applies(connection: Connection, one: int) -> bool:
    query = select(announcements.c.state).where(announcements.c.id == one)
    return connection.execute(query).scalar_one_or_none() == AnnouncementState.ANNOUNCED.value


def _end(
    connection: Connection,
    one: int,
    state: AnnouncementState,
    at: datetime,
    *,
    why: str = "",
    message_id: str = "",
) -> None:
    values = {"state": state.value, "why": why, "ended": at, "ended_message_id": message_id}
    connection.execute(update(announcements).where(announcements.c.id == one).values(**values))


def _view(row: RowMapping) -> AnnouncementView:
    fields = {name: row[name] for name in AnnouncementView.__slots__}
    return AnnouncementView(**fields | {"state": AnnouncementState(row["state"])})
