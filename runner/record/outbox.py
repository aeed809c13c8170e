"""Reports that were made, and the messages that carry them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from runner.errors import UnknownNameError
from runner.record.schema import deliveries, reports
from runner.record.store import Store, insert_new, now, upsert
from runner.record.views import DeliveryState, DeliveryView, Recipient, ReportView, worst

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["OutboxBook"]


class OutboxBook(Store):
    """Reports and deliveries."""

    def record_report(
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
        """Keep a report, in place of an earlier one of the same client, period and kind."""
        row = {
            "client": client,
            "period": period,
            "kind": kind,
            "created": created or now(),
            "status": status,
            "data": dict(data),
            "html_sha256": html_sha256,
        }
        with self._write() as connection:
            upsert(connection, reports, row, key="client period kind")

    def report(self, client: str, period: str, kind: str) -> ReportView | None:
        """A kept report, None when there is none."""
        key = (reports.c.client == client) & (reports.c.period == period) & (reports.c.kind == kind)
        with self._read() as connection:
            row = connection.execute(select(reports).where(key)).mappings().one_or_none()
        return None if row is None else ReportView(**row)

    def queue_delivery(
        self,
        message_id: str,
        *,
        client: str,
        period: str,
        recipients: Sequence[Recipient],
        subject: str,
        message: bytes,
        at: datetime | None = None,
    ) -> bool:
        """Put a message into the outbox; False when one of that id is there, which is left as it is."""
        at = at or now()
        row = {
            "message_id": message_id,
            "client": client,
            "period": period,
            "recipients": [one.as_json() for one in recipients],
            "subject": subject,
            "message": message,
            "state": DeliveryState.QUEUED.value,
            "created": at,
            "updated": at,
        }
        with self._write() as connection:
            return insert_new(connection, deliveries, row)

    def move_delivery(
        self,
        message_id: str,
        *,
        before: Collection[DeliveryState],
        recipients: Sequence[Recipient],
        reply: str | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Change the recipients if the message is in one of `before`: of several who try, one gets True.

        The message's state is that of its recipient who is worst off. Going to `sending` counts as an
        attempt; `reply` replaces what the other side said before.
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
        with self._write() as connection:
            found = connection.execute(
                update(deliveries).where(deliveries.c.message_id == message_id, still).values(**values)
            )
        return found.rowcount == 1

    def message(self, message_id: str) -> bytes:
        """The message itself, as it goes over the wire.

        Raises:
            UnknownNameError: no message of that id.
        """
        query = select(deliveries.c.message).where(deliveries.c.message_id == message_id)
        with self._read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise UnknownNameError(f"no message {message_id!r}")
        return bytes(found)

    def list_deliveries(
        self,
        *,
        states: Collection[DeliveryState] = (),
        client: str | None = None,
        period: str | None = None,
    ) -> tuple[DeliveryView, ...]:
        """Messages, oldest first; only those in `states`, when there are any."""
        columns = [column for column in deliveries.c if column.name != "message"]
        query = select(*columns).order_by(deliveries.c.created, deliveries.c.message_id)
        if states:
            query = query.where(deliveries.c.state.in_([state.value for state in states]))
        if client is not None:
            query = query.where(deliveries.c.client == client)
        if period is not None:
            query = query.where(deliveries.c.period == period)
        with self._read() as connection:
            return tuple(map(_delivery, connection.execute(query).mappings()))


def _delivery(row: RowMapping) -> DeliveryView:
    state = DeliveryState(row["state"])
    fields = {name: row[name] for name in DeliveryView.__slots__}
    recipients = tuple(_recipient(one, row, state) for one in row["recipients"])
    return DeliveryView(**(fields | {"state": state, "recipients": recipients}))


def _recipient(entry: str | Mapping[str, Any], row: RowMapping, state: DeliveryState) -> Recipient:
    """Earlier versions kept addresses only, all in the state of the message."""
    if isinstance(entry, str):
        return Recipient(address=entry, state=state, attempts=row["attempts"], reply=row["reply"])
    return Recipient(**{**entry, "state": DeliveryState(entry["state"])})
