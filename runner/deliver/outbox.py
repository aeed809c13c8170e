"""The outbox: every message is recorded before it is sent, and its state for each recipient afterwards.

queued -> sending -> sent | refused | unsure; a temporary failure returns to queued. One process claims a
message before sending it. If that process dies, the message is unsure. Unsure messages are never sent again
automatically, because they may have arrived. A message is only resent to recipients who have not received it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import parseaddr
from typing import TYPE_CHECKING

from runner.deliver.message import (
    Letter,
    addressed,
    as_bytes,
    compose,
    local_part,
    message_id,
    recipients_of,
)
from runner.deliver.results import RecipientResult, SendStatus, SmtpLimits
from runner.deliver.smtp import send
from runner.errors import SitecrewError
from runner.model import Mail
from runner.record import DeliveryState, DeliveryView, Recipient

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["Delivery", "deliver", "editions", "latest_edition", "next_try", "retry", "retry_due"]

_OPEN = frozenset({DeliveryState.QUEUED})
_MAX_RECIPIENTS = 100
"""Maximum number of recipients per message that every server accepts."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=6)
_NOT_SENT = frozenset({DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.UNSURE})
_NO_CONTACT = "no longer a contact of the client"
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
    state: DeliveryState
    recipients: tuple[Recipient, ...]
    reply: str
    attempts: int
    attempted: bool


def deliver(
    ledger: Ledger,
    mail: Mail,
    letter: Letter,
    *,
    password: Callable[[], str | None],
    now: datetime | None = None,
    again: bool = False,
    limits: SmtpLimits | None = None,
) -> Delivery:
    """Send a letter once to each contact, including contacts added since the first attempt.

    Sent, refused and unsure recipients are not tried again, unless `again` requests a new edition.

    Args:
        ledger: The ledger with the outbox.
        mail: The mail server.
        letter: The content and the recipients.
        password: Called right before sending; returns None if there is no login.
        now: The date of a new message.
        again: Send a new edition with its own id even if the letter was sent before.
        limits: Time limits.

    Raises:
        DeliveryError: The settings or addresses have to be fixed first; the message stays queued.
    """
    now = now or datetime.now(UTC)
    before = _editions(ledger, letter)
    if not before or again:
        name = message_id(mail, letter.client, letter.period, letter.kind, edition=len(before) + 1)
        message = compose(mail, letter, name, now)
        ledger.deliveries.queue(
            name,
            client=letter.client,
            period=letter.period,
            recipients=recipients_of(letter.contacts),
            subject=str(message["Subject"]),
            message=as_bytes(message),
            at=now,
        )
    else:
        name = before[-1].message_id
        _settle_abandoned(ledger, name, limits or SmtpLimits())
        _update_contacts(ledger, name, recipients_of(letter.contacts))
    return retry(ledger, mail, name, password=password, limits=limits)


def retry(
    ledger: Ledger,
    mail: Mail,
    name: str,
    *,
    password: Callable[[], str | None],
    limits: SmtpLimits | None = None,
) -> Delivery:
    """Send a message to its queued recipients, with the same bytes as before.

    Raises:
        DeliveryError: The settings have to be fixed first; the message stays queued.
        UnknownNameError: There is no message with this id.
    """
    limits = limits or SmtpLimits()
    content = ledger.deliveries.message(name)
    _settle_abandoned(ledger, name, limits)
    before = _view(ledger, name).recipients
    claimed = [_claimed(one) if one.state is DeliveryState.QUEUED else one for one in before]
    if claimed == list(before) or not ledger.deliveries.update(name, before=_OPEN, recipients=claimed):
        return _result(ledger, name, attempted=False)
    sending = _Sending(ledger, name, claimed)
    try:
        secret = password()
        for to, message in _messages(content, sending.left):
            sending.send(mail, content, message, to, password=secret, limits=limits)
    except SitecrewError as error:
        sending.settle_rest(DeliveryState.QUEUED, str(error))
        raise
    except BaseException:
        sending.settle_rest(DeliveryState.UNSURE, "interrupted while sending")
        raise
    return _result(ledger, name, attempted=True)


def retry_due(
    ledger: Ledger,
    mail: Mail,
    *,
    password: Callable[[], str | None],
    now: datetime | None = None,
    limits: SmtpLimits | None = None,
) -> tuple[Delivery, ...]:
    """Send every queued message whose retry time has come.

    Raises:
        DeliveryError: The settings have to be fixed first; the messages stay queued.
    """
    now = now or datetime.now(UTC)
    due = [view for view in ledger.deliveries.list(states=_OPEN) if next_try(view) <= now]
    return tuple(retry(ledger, mail, view.message_id, password=password, limits=limits) for view in due)


def next_try(view: DeliveryView) -> datetime:
    """Return when a queued message is retried; the waits grow from 5 minutes to 6 hours."""
    doublings = min(max(view.attempts - 1, 0), 10)
    wait: timedelta = _FIRST_WAIT * 2**doublings
    return view.updated + min(wait, _LONGEST_WAIT)


class _Sending:
    """A claimed message; the result for each recipient is recorded as soon as it is known."""

    def __init__(self, ledger: Ledger, name: str, recipients: Sequence[Recipient]) -> None:
        self._ledger, self._name = ledger, name
        self._recipients = {one.address: one for one in recipients}

    @property
    def left(self) -> tuple[Recipient, ...]:
        """Recipients without a result."""
        return tuple(one for one in self._recipients.values() if one.state is DeliveryState.SENDING)

    def send(
        self,
        mail: Mail,
        content: bytes,
        message: bytes,
        to: Sequence[Recipient],
        *,
        password: str | None,
        limits: SmtpLimits,
    ) -> None:
        """Send to these recipients; repeat for those beyond the server's limit of recipients."""
        sender = parseaddr(str(_headers(content)["From"]))[1]
        addresses = tuple(one.address for one in to)
        while addresses:
            found = send(mail, sender, addresses, message, password=password, limits=limits)
            again = found.over_limit
            self._settle({each: found.result_for(each) for each in addresses if each not in again})
            addresses = again

    def settle_rest(self, state: DeliveryState, reply: str) -> None:
        """Record the same result for all recipients without one."""
        self._write({one.address: replace(one, state=state, reply=reply) for one in self.left})

    def _settle(self, results: Mapping[str, RecipientResult]) -> None:
        self._write(
            {
                address: replace(self._recipients[address], state=_STATES[result.status], reply=result.reply)
                for address, result in results.items()
            }
        )

    def _write(self, settled: Mapping[str, Recipient]) -> None:
        if not settled:
            return
        self._recipients |= settled
        found = tuple(self._recipients.values())
        self._ledger.deliveries.update(
            self._name, before={DeliveryState.SENDING}, recipients=found, reply=_summary(found)
        )


def _messages(content: bytes, due: Sequence[Recipient]) -> Iterator[tuple[Sequence[Recipient], bytes]]:
    """Yield recipients, at most 100 at a time, and the message for them.

    Recipients in its `To` get the message unchanged, others get it with their own `To`. Addresses that need
    SMTPUTF8 are sent separately, so that they do not block the others.
    """
    named = {address.addr_spec.lower() for address in _headers(content)["To"].addresses}
    groups: dict[str, list[Recipient]] = {"named": [], "ascii": [], "utf8": []}
    for one in due:
        kind = "utf8" if not one.address.isascii() else "named" if one.address.lower() in named else "ascii"
        groups[kind].append(one)
    for kind, members in groups.items():
        for start in range(0, len(members), _MAX_RECIPIENTS):
            to = members[start : start + _MAX_RECIPIENTS]
            yield to, content if kind == "named" else addressed(content, to)


def _update_contacts(ledger: Ledger, name: str, contacts: Sequence[Recipient]) -> None:
    """Queue the message for added contacts, and cancel it for former ones."""
    view = _view(ledger, name)
    if view.state is DeliveryState.SENDING:
        return
    wanted = {one.address.casefold() for one in contacts}
    known = {one.address.casefold() for one in view.recipients}
    kept = [
        replace(one, state=DeliveryState.REFUSED, reply=_NO_CONTACT)
        if one.state is DeliveryState.QUEUED and one.address.casefold() not in wanted
        else one
        for one in view.recipients
    ]
    kept += [one for one in contacts if one.address.casefold() not in known]
    if kept != list(view.recipients):
        ledger.deliveries.update(name, before={view.state}, recipients=kept)


def _claimed(one: Recipient) -> Recipient:
    return replace(one, state=DeliveryState.SENDING, attempts=one.attempts + 1)


def latest_edition(ledger: Ledger, letter: Letter) -> DeliveryView | None:
    """Return the message with the last edition of a letter; None if there is none."""
    return next(reversed(_editions(ledger, letter)), None)


def _editions(ledger: Ledger, letter: Letter) -> list[DeliveryView]:
    """Return earlier editions of a letter, oldest first, even if the sender had another domain then."""
    before = ledger.deliveries.list(client=letter.client, period=letter.period)
    return editions(before, letter.client, letter.period, letter.kind, was=letter.was)


def editions(
    views: Sequence[DeliveryView], client: str, period: str, kind: str, *, was: str = ""
) -> list[DeliveryView]:
    """Return the messages among `views` that are editions of one report, oldest first."""
    known = {view.message_id.strip("<").split("@")[0]: view for view in views}
    found: list[DeliveryView] = []
    while True:
        names = [
            local_part(name, period, kind, edition=len(found) + 1) for name in filter(None, (client, was))
        ]
        view = next((known[name] for name in names if name in known), None)
        if view is None:
            return found
        found.append(view)


def _settle_abandoned(ledger: Ledger, name: str, limits: SmtpLimits) -> None:
    """Mark a message as unsure if it has been `sending` for longer than any process can take to send it."""
    view = _view(ledger, name)
    longest = timedelta(seconds=2 * limits.whole)
    if view.state is DeliveryState.SENDING and datetime.now(UTC) - view.updated > longest:
        why = "the sending process died before the server answered"
        _Sending(ledger, name, view.recipients).settle_rest(DeliveryState.UNSURE, why)


def _summary(recipients: Sequence[Recipient]) -> str:
    """Return the server's reply, and its replies for recipients who have not received the message."""
    sent = next((one.reply for one in recipients if one.state is DeliveryState.SENT), "")
    others = [f"{one.address} {one.state}: {one.reply}" for one in recipients if one.state in _NOT_SENT]
    if not sent and len({one.reply for one in recipients}) == 1:
        return recipients[0].reply
    return "; ".join(filter(None, (sent, *others)))


def _result(ledger: Ledger, name: str, *, attempted: bool) -> Delivery:
    view = _view(ledger, name)
    return Delivery(
        message_id=name,
        state=view.state,
        recipients=view.recipients,
        reply=view.reply,
        attempts=view.attempts,
        attempted=attempted,
    )


def _view(ledger: Ledger, name: str) -> DeliveryView:
    return next(view for view in ledger.deliveries.list() if view.message_id == name)


def _headers(content: bytes) -> EmailMessage:
    message = BytesParser(policy=SMTP).parsebytes(content, headersonly=True)
    assert isinstance(message, EmailMessage)  # noqa: S101  # the policy makes it so
    return message
