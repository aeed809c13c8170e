"""The outbox: every message is written down before it is sent, and what became of it after.

queued -> sending -> sent | refused | unsure; a temporary trouble leads back to queued. One process claims a
message before it is sent; what a process that died has claimed is unsure. Unsure is never sent again by
itself: it may have arrived.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import parseaddr
from typing import TYPE_CHECKING

from runner.deliver.handover import Handover, SmtpLimits, Verdict
from runner.deliver.message import as_bytes, compose, message_id
from runner.deliver.smtp import send
from runner.errors import SitecrewError
from runner.model import Contact, Mail
from runner.record import DeliveryState, DeliveryView

if TYPE_CHECKING:
    from runner.deliver.message import Picture
    from runner.record import Ledger

__all__ = ["Delivery", "Letter", "deliver", "retry"]

_OPEN = frozenset({DeliveryState.QUEUED})
_STATES = {
    Verdict.ACCEPTED: DeliveryState.SENT,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.LATER: DeliveryState.QUEUED,
    Verdict.UNSURE: DeliveryState.UNSURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A document on its way to a client: `period` and `kind` (`final` ...) say which one."""

    client: str
    period: str
    kind: str
    contacts: tuple[Contact, ...]
    subject: str
    html: str
    text: str
    language: str
    sender_name: str = ""
    reply_to: str | None = None
    picture: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a message stands now. `attempted` is false when there was nothing left to do."""

    message_id: str
    state: DeliveryState
    recipients: tuple[str, ...]
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
    """Send a letter once. What is sent, refused or unsure stays so, unless `again` asks for a new edition.

    Args:
        ledger: Where the outbox lies.
        mail: The server.
        letter: What to send, and to whom.
        password: Called when the message is about to be sent, never before; gives None without a login.
        now: The date of a new message.
        again: Make a new edition with an id of its own, although the letter was sent before.
        limits: How long is waited.

    Raises:
        DeliveryError: A person has to change something first; the message stays in the outbox, queued.
    """
    now = now or datetime.now(UTC)
    editions = _editions(ledger, mail, letter)
    if not editions or again:
        name = message_id(mail, letter.client, letter.period, letter.kind, edition=len(editions) + 1)
        message = _compose(mail, letter, name, now)
        ledger.queue_delivery(
            name,
            client=letter.client,
            period=letter.period,
            recipients=[address.addr_spec for address in message["To"].addresses],
            subject=str(message["Subject"]),
            message=as_bytes(message),
            at=now,
        )
    else:
        name = editions[-1].message_id
    return retry(ledger, mail, name, password=password, limits=limits)


def retry(
    ledger: Ledger,
    mail: Mail,
    name: str,
    *,
    password: Callable[[], str | None],
    limits: SmtpLimits | None = None,
) -> Delivery:
    """Send a queued message, the same bytes as before; leave any other as it is.

    Raises:
        DeliveryError: A person has to change something first; the message stays queued.
        UnknownNameError: No message of that id.
    """
    limits = limits or SmtpLimits()
    content = ledger.message(name)
    _settle(ledger, name, limits)
    if not ledger.move_delivery(name, before=_OPEN, after=DeliveryState.SENDING):
        return _standing(ledger, name, attempted=False)
    sender = parseaddr(str(_headers(content)["From"]))[1]
    recipients = _view(ledger, name).recipients
    try:
        found = send(mail, sender, recipients, content, password=password(), limits=limits)
    except SitecrewError as error:
        _move(ledger, name, DeliveryState.QUEUED, str(error))
        raise
    except BaseException:
        _move(ledger, name, DeliveryState.UNSURE, "interrupted while it was sent")
        raise
    _move(ledger, name, _STATES[found.verdict], _told(found))
    return _standing(ledger, name, attempted=True)


def _editions(ledger: Ledger, mail: Mail, letter: Letter) -> list[DeliveryView]:
    """What was made of this letter before, oldest first; also when the sender had another domain then."""
    before = ledger.list_deliveries(client=letter.client, period=letter.period)
    known = {view.message_id.split("@")[0]: view for view in before}
    found: list[DeliveryView] = []
    while True:
        name = message_id(mail, letter.client, letter.period, letter.kind, edition=len(found) + 1)
        view = known.get(name.split("@")[0])
        if view is None:
            return found
        found.append(view)


def _compose(mail: Mail, letter: Letter, name: str, now: datetime) -> EmailMessage:
    return compose(
        mail,
        letter.contacts,
        message_id=name,
        subject=letter.subject,
        html=letter.html,
        text=letter.text,
        language=letter.language,
        now=now,
        sender_name=letter.sender_name,
        reply_to=letter.reply_to,
        picture=letter.picture,
    )


def _settle(ledger: Ledger, name: str, limits: SmtpLimits) -> None:
    """A message that is `sending` for longer than sending can take was left by a process that died."""
    view = _view(ledger, name)
    longest = timedelta(seconds=2 * limits.whole)
    if view.state is DeliveryState.SENDING and datetime.now(UTC) - view.updated > longest:
        _move(ledger, name, DeliveryState.UNSURE, "the process that sent it died before it knew the answer")


def _move(ledger: Ledger, name: str, after: DeliveryState, reply: str) -> None:
    ledger.move_delivery(name, before={DeliveryState.SENDING}, after=after, reply=reply)


def _told(found: Handover) -> str:
    left_out = "; ".join(f"{r.address} refused: {r.code} {r.reply}" for r in found.refused)
    return f"{found.reply}; {left_out}" if found.accepted and left_out else found.reply


def _standing(ledger: Ledger, name: str, *, attempted: bool) -> Delivery:
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
    return next(view for view in ledger.list_deliveries() if view.message_id == name)


def _headers(content: bytes) -> EmailMessage:
    message = BytesParser(policy=SMTP).parsebytes(content, headersonly=True)
    assert isinstance(message, EmailMessage)  # noqa: S101  # the policy makes it so
    return message
