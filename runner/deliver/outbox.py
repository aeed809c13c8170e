"""Messages to clients in the outbox: recorded before they are sent, with the state for each recipient.

If the process that sends a message dies, the message is unsure. Unsure messages are never sent again
automatically, because they may have arrived. A report is only resent to recipients who have not received it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import parseaddr
from typing import TYPE_CHECKING

from runner.deliver.attempt import Delivery, Transport, attempt, settle_abandoned, view_of
from runner.deliver.message import (
    Letter,
    addressed,
    as_bytes,
    compose,
    local_part,
    message_id,
    recipients_of,
)
from runner.deliver.results import RecipientResult, SmtpLimits
from runner.deliver.smtp import send
from runner.model import Mail
from runner.record import DeliveryKind, DeliveryState, DeliveryView, NewDelivery, Recipient

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["by_mail", "deliver", "editions", "latest_edition", "next_try", "retry", "retry_due"]

_OPEN = frozenset({DeliveryState.QUEUED})
_TO_CLIENTS = frozenset({DeliveryKind.REPORT, DeliveryKind.ANNOUNCEMENT})
_MAX_RECIPIENTS = 100
"""Maximum number of recipients per message that every server accepts."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=6)
_NO_CONTACT = "no longer a contact of the client"


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
        new = NewDelivery(
            message_id=name,
            client=letter.client,
            period=letter.period,
            recipients=recipients_of(letter.contacts),
            subject=str(message["Subject"]),
            message=as_bytes(message),
        )
        ledger.deliveries.queue(new, at=now)
    else:
        name = before[-1].message_id
        settle_abandoned(ledger, name, 2 * (limits or SmtpLimits()).whole)
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
    return attempt(ledger, name, by_mail(mail, password, limits), longest=2 * limits.whole)


def by_mail(mail: Mail, password: Callable[[], str | None], limits: SmtpLimits | None = None) -> Transport:
    """Return the transport for a mail server. `password` is called right before sending.

    Recipients beyond the server's limit of recipients get the message in a conversation of their own.
    """
    limits = limits or SmtpLimits()

    def sent(
        view: DeliveryView,  # noqa: ARG001 - other transports need it
        content: bytes,
        recipients: Sequence[Recipient],
    ) -> Iterator[Mapping[str, RecipientResult]]:
        secret, sender = password(), parseaddr(str(_headers(content)["From"]))[1]
        for to, message in _messages(content, recipients):
            addresses = tuple(one.address for one in to)
            while addresses:
                found = send(mail, sender, addresses, message, password=secret, limits=limits)
                again = found.over_limit
                yield {each: found.result_for(each) for each in addresses if each not in again}
                addresses = again

    return sent


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
    queued = ledger.deliveries.list(states=_OPEN)
    due = [view for view in queued if view.kind in _TO_CLIENTS and next_try(view) <= now]
    return tuple(retry(ledger, mail, view.message_id, password=password, limits=limits) for view in due)


def next_try(view: DeliveryView) -> datetime:
    """Return when a queued message is retried; the waits grow from 5 minutes to 6 hours."""
    doublings = min(max(view.attempts - 1, 0), 10)
    wait: timedelta = _FIRST_WAIT * 2**doublings
    return view.updated + min(wait, _LONGEST_WAIT)


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
    view = view_of(ledger, name)
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


def _headers(content: bytes) -> EmailMessage:
    message = BytesParser(policy=SMTP).parsebytes(content, headersonly=True)
    assert isinstance(message, EmailMessage)  # noqa: S101  # the policy makes it so
    return message
