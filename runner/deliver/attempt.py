"""One attempt to send a message of the outbox: claim it, send it, record the result for each recipient.

queued -> sending -> sent | refused | unsure; a temporary failure returns to queued. One process claims a
message before sending it. How it is sent is the transport's part: by mail or to a webhook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from runner.deliver.results import RecipientResult, SendStatus
from runner.errors import SitecrewError
from runner.record import DeliveryKind, DeliveryState, DeliveryView, Recipient

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["Delivery", "Transport", "attempt", "result_of", "settle_abandoned", "settle_rest", "view_of"]

Transport: TypeAlias = Callable[
    [DeliveryView, bytes, Sequence[Recipient]], Iterator[Mapping[str, RecipientResult]]
]
"""Sends a message to recipients; yields the results by address as soon as they are known."""

_OPEN = frozenset({DeliveryState.QUEUED})
_NOT_SENT = frozenset({DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.UNSURE})
_ENDED = frozenset({DeliveryState.SENT, DeliveryState.REFUSED})
_DIED = "the sending process died before the server answered"
_STATES = {
    SendStatus.ACCEPTED: DeliveryState.SENT,
    SendStatus.REFUSED: DeliveryState.REFUSED,
    SendStatus.LATER: DeliveryState.QUEUED,
    SendStatus.UNSURE: DeliveryState.UNSURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The state of a message. `attempted` is False if there was nothing to send."""

    message_id: str
    kind: DeliveryKind
    state: DeliveryState
    recipients: tuple[Recipient, ...]
    reply: str
    attempts: int
    attempted: bool


def attempt(ledger: Ledger, name: str, transport: Transport, *, longest: float) -> Delivery:
    """Send a message to its queued recipients, with the same bytes as before.

    Args:
        ledger: the ledger with the outbox.
        name: the message's id.
        transport: how to send it.
        longest: seconds that an attempt can take; a message that is `sending` for longer was abandoned.

    Raises:
        DeliveryError: the settings have to be fixed first; the message stays queued.
        UnknownNameError: there is no message with this id.
    """
    content = ledger.deliveries.message(name)
    settle_abandoned(ledger, name, longest)
    view = view_of(ledger, name)
    claimed = [_claimed(one) if one.state is DeliveryState.QUEUED else one for one in view.recipients]
    if claimed == list(view.recipients) or not ledger.deliveries.update(
        name, before=_OPEN, recipients=claimed
    ):
        return result_of(ledger, name, attempted=False)
    sending = _Sending(ledger, view, claimed)
    try:
        for results in transport(view, content, sending.left):
            sending.settle(results)
    except SitecrewError as error:
        sending.settle_rest(DeliveryState.QUEUED, str(error))
        raise
    except BaseException:
        sending.settle_rest(DeliveryState.UNSURE, "interrupted while sending")
        raise
    return result_of(ledger, name, attempted=True)


def settle_abandoned(ledger: Ledger, name: str, longest: float) -> None:
    """Mark a message as unsure if it has been `sending` for longer than any process can take to send it."""
    view = view_of(ledger, name)
    if view.state is DeliveryState.SENDING and datetime.now(UTC) - view.updated > timedelta(seconds=longest):
        _Sending(ledger, view, view.recipients).settle_rest(DeliveryState.UNSURE, _DIED)


def settle_rest(ledger: Ledger, view: DeliveryView, state: DeliveryState, reply: str) -> None:
    """Record the same result for all queued recipients of a message that is not being sent."""
    found = [
        replace(one, state=state, reply=reply) if one.state is DeliveryState.QUEUED else one
        for one in view.recipients
    ]
    forget = view.kind is DeliveryKind.NOTICE and {one.state for one in found} <= _ENDED
    ledger.deliveries.update(
        view.message_id, before=_OPEN, recipients=found, reply=_summary(found), forget=forget
    )


class _Sending:
    """A claimed message; the result for each recipient is recorded as soon as it is known.

    A notice that may have arrived is queued again. Its content is deleted when it needs no more attempts.
    """

    def __init__(self, ledger: Ledger, view: DeliveryView, recipients: Sequence[Recipient]) -> None:
        self._ledger, self._name = ledger, view.message_id
        self._is_notice = view.kind is DeliveryKind.NOTICE
        self._recipients = {one.address: one for one in recipients}

    @property
    def left(self) -> tuple[Recipient, ...]:
        """Recipients without a result."""
        return tuple(one for one in self._recipients.values() if one.state is DeliveryState.SENDING)

    def settle(self, results: Mapping[str, RecipientResult]) -> None:
        """Record results by address."""
        self._write(
            {
                address: self._with(self._recipients[address], _STATES[result.status], result.reply)
                for address, result in results.items()
            }
        )

    def settle_rest(self, state: DeliveryState, reply: str) -> None:
        """Record the same result for all recipients without one."""
        self._write({one.address: self._with(one, state, reply) for one in self.left})

    def _with(self, one: Recipient, state: DeliveryState, reply: str) -> Recipient:
        again = self._is_notice and state is DeliveryState.UNSURE
        return replace(one, state=DeliveryState.QUEUED if again else state, reply=reply)

    def _write(self, settled: Mapping[str, Recipient]) -> None:
        if not settled:
            return
        self._recipients |= settled
        found = tuple(self._recipients.values())
        self._ledger.deliveries.update(
            self._name,
            before={DeliveryState.SENDING},
            recipients=found,
            reply=_summary(found),
            forget=self._is_notice and {one.state for one in found} <= _ENDED,
        )


def _claimed(one: Recipient) -> Recipient:
    return replace(one, state=DeliveryState.SENDING, attempts=one.attempts + 1)


def _summary(recipients: Sequence[Recipient]) -> str:
    """Return the server's reply, and its replies for recipients who have not received the message."""
    sent = next((one.reply for one in recipients if one.state is DeliveryState.SENT), "")
    others = [f"{one.address} {one.state}: {one.reply}" for one in recipients if one.state in _NOT_SENT]
    if not sent and len({one.reply for one in recipients}) == 1:
        return recipients[0].reply
    return "; ".join(filter(None, (sent, *others)))


def result_of(ledger: Ledger, name: str, *, attempted: bool) -> Delivery:
    """Return the present state of a message."""
    view = view_of(ledger, name)
    return Delivery(
        message_id=name,
        kind=view.kind,
        state=view.state,
        recipients=view.recipients,
        reply=view.reply,
        attempts=view.attempts,
        attempted=attempted,
    )


def view_of(ledger: Ledger, name: str) -> DeliveryView:
    """Return a message of the outbox."""
    return next(view for view in ledger.deliveries.list() if view.message_id == name)
