"""The outbox: messages to clients and the crew, and the state of their delivery."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy import update as sql_update

from runner.errors import UnknownNameError
from runner.record.schema import deliveries
from runner.record.store import Records, insert_new, now
from runner.record.views import (
    Channel,
    DeliveryKind,
    DeliveryState,
    DeliveryView,
    NewDelivery,
    Recipient,
    worst,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["Deliveries", "delivery_row"]


class Deliveries(Records):
    """Messages and their recipients."""

    def queue(self, new: NewDelivery, *, at: datetime | None = None) -> bool:
        """Add a message to the outbox. Return False if a message with this id exists; it stays as it is."""
        with self._store.write() as connection:
            return insert_new(connection, deliveries, delivery_row(new, at or now()))

    def update(
        self,
        message_id: str,
        *,
        before: Collection[DeliveryState],
        recipients: Sequence[Recipient],
        reply: str | None = None,
        at: datetime | None = None,
        forget: bool = False,
    ) -> bool:
        """Update the recipients if the message's state is in `before`; return whether it was.

        Only one of several concurrent callers gets True. The message's state becomes the worst state of its
        recipients. A change to `sending` counts as an attempt. `reply` replaces the server's earlier reply;
        with `forget`, the message itself is deleted.
        """
        after = worst(recipients)
        still = deliveries.c.state.in_([state.value for state in before])
        values: dict[str, object] = {
            "state": after.value,
            "recipients": [one.as_json() for one in recipients],
            "updated": at or now(),
        }
        if after is DeliveryState.SENDING and DeliveryState.SENDING not in before:
            values["attempts"] = deliveries.c.attempts + 1
        if reply is not None:
            values["reply"] = reply
        if forget:
            values["message"] = b""
        with self._store.write() as connection:
            found = connection.execute(
                sql_update(deliveries).where(deliveries.c.message_id == message_id, still).values(**values)
            )
        return found.rowcount == 1

    def message(self, message_id: str) -> bytes:
        """Return the message as it is sent, byte for byte.

        Raises:
            UnknownNameError: there is no message with this id.
        """
        query = select(deliveries.c.message).where(deliveries.c.message_id == message_id)
        with self._store.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise UnknownNameError(f"no message {message_id!r}")
        return bytes(found)

    def list(
        self,
        *,
        states: Collection[DeliveryState] = (),
        client: str | None = None,
        period: str | None = None,
        kind: DeliveryKind | None = None,
        topic: str | None = None,
        since: datetime | None = None,
    ) -> tuple[DeliveryView, ...]:
        """Return messages, oldest first; if `states` is not empty, only those in one of them.

        `since`: only those that were queued since then.
        """
        columns = [column for column in deliveries.c if column.name != "message"]
        query = select(*columns).order_by(deliveries.c.created, deliveries.c.message_id)
        if states:
            query = query.where(deliveries.c.state.in_([state.value for state in states]))
        if client is not None:
            query = query.where(deliveries.c.client == client)
        if period is not None:
            query = query.where(deliveries.c.period == period)
        if kind is not None:
            query = query.where(deliveries.c.kind == kind.value)
        if topic is not None:
            query = query.where(deliveries.c.topic == topic)
        if since is not None:
            query = query.where(deliveries.c.created >= since)
        with self._store.read() as connection:
            return tuple(map(_delivery, connection.execute(query).mappings()))


def delivery_row(new: NewDelivery, at: datetime) -> dict[str, Any]:
    """Return the row of a new message, which is queued."""
    return {
        "message_id": new.message_id,
        "channel": new.channel.value,
        "kind": new.kind.value,
        "topic": new.topic,
        "client": new.client,
        "period": new.period,
        "recipients": [one.as_json() for one in new.recipients],
        "subject": new.subject,
        "message": new.message,
        "state": DeliveryState.QUEUED.value,
        "created": at,
        "updated": at,
    }


def _delivery(row: RowMapping) -> DeliveryView:
    state = DeliveryState(row["state"])
    fields = {name: row[name] for name in DeliveryView.__slots__}
    recipients = tuple(_recipient(one, row, state) for one in row["recipients"])
    words = {"state": state, "channel": Channel(row["channel"]), "kind": DeliveryKind(row["kind"])}
    return DeliveryView(**(fields | words | {"recipients": recipients}))


def _recipient(entry: str | Mapping[str, Any], row: RowMapping, state: DeliveryState) -> Recipient:
    """Convert an entry of `recipients`; earlier versions stored only the address."""
    if isinstance(entry, str):
        return Recipient(address=entry, state=state, attempts=row["attempts"], reply=row["reply"])
    return Recipient(**{**entry, "state": DeliveryState(entry["state"])})
