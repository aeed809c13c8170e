"""Notices in the outbox: sent at least once to each channel, and given up after a day.

A notice is sent again if the process that sent it died, or if the answer was not received. The id stays the
same, so that mail servers and Matrix drop the second one; other chat services show it twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING

from runner.deliver.attempt import (
    Delivery,
    Transport,
    attempt,
    result_of,
    settle_abandoned,
    settle_rest,
    view_of,
)
from runner.deliver.message import Letter, as_bytes, compose, recipients_of
from runner.deliver.results import RecipientResult, SmtpLimits
from runner.deliver.webhook import WEBHOOK_LIMIT
from runner.errors import DeliveryError, SitecrewError
from runner.model import Contact, Mail
from runner.record import Channel, DeliveryKind, DeliveryState, DeliveryView, NewDelivery, Recipient

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["CrewMail", "mail_delivery", "next_notice", "send_directly", "send_notices", "webhook_delivery"]

_OPEN = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING})
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
_GIVE_UP = timedelta(days=1)
_LONGEST = {Channel.MAIL: 2 * SmtpLimits().whole, Channel.WEBHOOK: 2 * WEBHOOK_LIMIT}
"""Seconds after which a message that is `sending` was abandoned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewMail:
    """A notice as mail."""

    addresses: Sequence[str]
    subject: str
    text: str
    html: str
    sender_name: str


def mail_delivery(mail: Mail, topic: str, content: CrewMail, now: datetime) -> NewDelivery:
    """Return a notice for the crew's addresses."""
    contacts = tuple(Contact("", address) for address in content.addresses)
    letter = Letter(
        client="",
        period="",
        kind=DeliveryKind.NOTICE,
        contacts=contacts,
        subject=content.subject,
        html=content.html,
        text=content.text,
        language="en",
        sender_name=content.sender_name,
    )
    domain = parseaddr(mail.sender)[1].rpartition("@")[2]
    name = _name(topic, Channel.MAIL, domain)
    message = compose(mail, letter, name, now)
    return NewDelivery(
        message_id=name,
        channel=Channel.MAIL,
        kind=DeliveryKind.NOTICE,
        topic=topic,
        recipients=recipients_of(contacts),
        subject=str(message["Subject"]),
        message=as_bytes(message),
    )


def webhook_delivery(webhook: str, topic: str, subject: str, content: bytes) -> NewDelivery:
    """Return a notice for a webhook, given by its name in sitecrew.yaml."""
    return NewDelivery(
        message_id=_name(topic, Channel.WEBHOOK, webhook),
        channel=Channel.WEBHOOK,
        kind=DeliveryKind.NOTICE,
        topic=topic,
        recipients=(Recipient(address=webhook),),
        subject=subject,
        message=content,
    )


def _name(topic: str, channel: Channel, to: str) -> str:
    """Return the id of a notice on a channel, which is always the same."""
    plain = re.sub(r"[^a-z0-9]+", "-", topic.lower()).strip("-")[:40]
    digest = hashlib.sha256(f"{topic}\0{channel}\0{to}".encode()).hexdigest()[:16]
    domain = re.sub(r"[^A-Za-z0-9.-]", "-", to)
    return f"<notice.{plain}.{digest}@{domain}>"


def send_notices(
    ledger: Ledger,
    transports: Mapping[Channel, Transport],
    *,
    now: datetime | None = None,
    waiting: bool = True,
) -> Iterator[Delivery]:
    """Send the notices that are due; yield those that were tried or given up. Errors become their replies.

    Args:
        ledger: the ledger with the outbox.
        transports: how to send; a channel without one is no longer set up.
        now: the current time.
        waiting: whether notices that failed wait for their next try.
    """
    now = now or datetime.now(UTC)
    for found in ledger.deliveries.list(states=_OPEN, kind=DeliveryKind.NOTICE):
        settle_abandoned(ledger, found.message_id, _LONGEST[found.channel])
        view = view_of(ledger, found.message_id)
        if view.state is not DeliveryState.QUEUED or (waiting and next_notice(view) > now):
            continue
        transport = transports.get(view.channel, _not_set_up)
        try:
            delivery = attempt(ledger, view.message_id, transport, longest=_LONGEST[view.channel])
        except SitecrewError:
            delivery = None  # the reply says why
        after = view_of(ledger, view.message_id)
        if after.state is DeliveryState.QUEUED and now - view.created > _GIVE_UP:
            settle_rest(ledger, after, DeliveryState.REFUSED, f"given up after a day: {after.reply}")
            delivery = None
        if delivery is None or delivery.attempted:
            yield result_of(ledger, view.message_id, attempted=True)


def send_directly(new: NewDelivery, transport: Transport) -> dict[str, RecipientResult]:
    """Send a message without recording it; return the results by address.

    Raises:
        DeliveryError, SecretError: the settings have to be fixed first.
    """
    now = datetime.now(UTC)
    view = DeliveryView(
        message_id=new.message_id,
        client=new.client,
        period=new.period,
        recipients=new.recipients,
        subject=new.subject,
        state=DeliveryState.SENDING,
        attempts=1,
        reply="",
        created=now,
        updated=now,
        channel=new.channel,
        kind=new.kind,
        topic=new.topic,
    )
    found: dict[str, RecipientResult] = {}
    for results in transport(view, new.message, new.recipients):
        found |= results
    return found


def next_notice(view: DeliveryView) -> datetime:
    """Return when a queued notice is tried; the waits grow from 30 seconds to an hour."""
    if not view.attempts:
        return view.created
    wait: timedelta = _FIRST_WAIT * 2 ** min(view.attempts - 1, 10)
    return view.updated + min(wait, _LONGEST_WAIT)


def _not_set_up(*_: object) -> Iterator[Mapping[str, RecipientResult]]:
    raise DeliveryError("no longer set up in sitecrew.yaml")
