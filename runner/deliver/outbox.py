"""The outbox: every message is written down before it is sent, and its fate for each recipient after.

queued -> sending -> sent | refused | unsure; a temporary trouble leads back to queued. One process claims a
message before it is sent; what a process that died has claimed is unsure. Unsure is never sent again by
itself: it may have arrived. A message is sent again to those who have not got it, and to nobody else.
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

from runner.deliver.handover import Fate, SmtpLimits, Verdict
from runner.deliver.message import addressed, as_bytes, compose, message_id, recipients_of
from runner.deliver.smtp import send
from runner.errors import SitecrewError
from runner.model import Contact, Mail
from runner.record import DeliveryState, DeliveryView, Recipient

if TYPE_CHECKING:
    from runner.deliver.message import Picture
    from runner.record import Ledger

__all__ = ["Delivery", "Letter", "deliver", "next_try", "retry", "retry_due"]

_OPEN = frozenset({DeliveryState.QUEUED})
_MOST = 100
"""Recipients of one message: what every server takes."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=6)
_NOT_SENT = frozenset({DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.UNSURE})
_NO_CONTACT = "no longer a contact of the client"
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
    was: str = ""
    """The client's id before it was renamed, under which it may have been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a message stands now. `attempted` is false when there was nothing left to do."""

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
    """Send a letter once to each contact, also to one who was added since.

    What is sent, refused or unsure stays so, unless `again` asks for a new edition.

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
            recipients=recipients_of(letter.contacts),
            subject=str(message["Subject"]),
            message=as_bytes(message),
            at=now,
        )
    else:
        name = editions[-1].message_id
        _settle(ledger, name, limits or SmtpLimits())
        _keep_to(ledger, name, recipients_of(letter.contacts))
    return retry(ledger, mail, name, password=password, limits=limits)


def retry(
    ledger: Ledger,
    mail: Mail,
    name: str,
    *,
    password: Callable[[], str | None],
    limits: SmtpLimits | None = None,
) -> Delivery:
    """Send a message to its queued recipients, the same bytes as before; leave any other as it is.

    Raises:
        DeliveryError: A person has to change something first; the message stays queued.
        UnknownNameError: No message of that id.
    """
    limits = limits or SmtpLimits()
    content = ledger.message(name)
    _settle(ledger, name, limits)
    before = _view(ledger, name).recipients
    claimed = [_claimed(one) if one.state is DeliveryState.QUEUED else one for one in before]
    if claimed == list(before) or not ledger.move_delivery(name, before=_OPEN, recipients=claimed):
        return _standing(ledger, name, attempted=False)
    job = _Sending(ledger, name, claimed)
    try:
        secret = password()
        for to, message in _messages(content, job.left):
            job.send(mail, content, message, to, password=secret, limits=limits)
    except SitecrewError as error:
        job.settle_rest(DeliveryState.QUEUED, str(error))
        raise
    except BaseException:
        job.settle_rest(DeliveryState.UNSURE, "interrupted while it was sent")
        raise
    return _standing(ledger, name, attempted=True)


def retry_due(
    ledger: Ledger,
    mail: Mail,
    *,
    password: Callable[[], str | None],
    now: datetime | None = None,
    limits: SmtpLimits | None = None,
) -> tuple[Delivery, ...]:
    """Send every message again that a server has put off, once its wait is over.

    Raises:
        DeliveryError: A person has to change something first; the messages stay queued.
    """
    now = now or datetime.now(UTC)
    due = [view for view in ledger.list_deliveries(states=_OPEN) if next_try(view) <= now]
    return tuple(retry(ledger, mail, view.message_id, password=password, limits=limits) for view in due)


def next_try(view: DeliveryView) -> datetime:
    """When a queued message is sent again without being asked: the waits grow from 5 minutes to 6 hours."""
    doublings = min(max(view.attempts - 1, 0), 10)
    wait: timedelta = _FIRST_WAIT * 2**doublings
    return view.updated + min(wait, _LONGEST_WAIT)


class _Sending:
    """A claimed message: what becomes of it for each recipient is written down as soon as it is known."""

    def __init__(self, ledger: Ledger, name: str, recipients: Sequence[Recipient]) -> None:
        self._ledger, self._name = ledger, name
        self._recipients = {one.address: one for one in recipients}

    @property
    def left(self) -> tuple[Recipient, ...]:
        """Those whose fate is not known yet."""
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
        """Send to these; again to those whom the server did not take with so many others."""
        sender = parseaddr(str(_headers(content)["From"]))[1]
        addresses = tuple(one.address for one in to)
        while addresses:
            found = send(mail, sender, addresses, message, password=password, limits=limits)
            again = found.left_over
            self._settle({each: found.fate(each) for each in addresses if each not in again})
            addresses = again

    def settle_rest(self, state: DeliveryState, reply: str) -> None:
        """The same for all whose fate is not known."""
        self._write({one.address: replace(one, state=state, reply=reply) for one in self.left})

    def _settle(self, fates: Mapping[str, Fate]) -> None:
        self._write(
            {
                address: replace(self._recipients[address], state=_STATES[fate.verdict], reply=fate.reply)
                for address, fate in fates.items()
            }
        )

    def _write(self, settled: Mapping[str, Recipient]) -> None:
        if not settled:
            return
        self._recipients |= settled
        found = tuple(self._recipients.values())
        self._ledger.move_delivery(
            self._name, before={DeliveryState.SENDING}, recipients=found, reply=_summary(found)
        )


def _messages(content: bytes, due: Sequence[Recipient]) -> Iterator[tuple[Sequence[Recipient], bytes]]:
    """Who gets which bytes: those in its header as it is, others with a header of their own, 100 at a time.

    An address that needs SMTPUTF8 keeps no other from getting the mail.
    """
    named = {address.addr_spec.lower() for address in _headers(content)["To"].addresses}
    groups: dict[str, list[Recipient]] = {"named": [], "ascii": [], "utf8": []}
    for one in due:
        kind = "utf8" if not one.address.isascii() else "named" if one.address.lower() in named else "ascii"
        groups[kind].append(one)
    for kind, members in groups.items():
        for start in range(0, len(members), _MOST):
            to = members[start : start + _MOST]
            yield to, content if kind == "named" else addressed(content, to)


def _keep_to(ledger: Ledger, name: str, contacts: Sequence[Recipient]) -> None:
    """Queue contacts that were added since; who is no contact any more gets nothing more."""
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
        ledger.move_delivery(name, before={view.state}, recipients=kept)


def _claimed(one: Recipient) -> Recipient:
    return replace(one, state=DeliveryState.SENDING, attempts=one.attempts + 1)


def _editions(ledger: Ledger, mail: Mail, letter: Letter) -> list[DeliveryView]:
    """What was made of this letter before, oldest first; also when the sender had another domain then."""
    before = ledger.list_deliveries(client=letter.client, period=letter.period)
    known = {view.message_id.split("@")[0]: view for view in before}
    found: list[DeliveryView] = []
    while True:
        names = [
            message_id(mail, client, letter.period, letter.kind, edition=len(found) + 1)
            for client in filter(None, (letter.client, letter.was))
        ]
        view = next((known[local] for name in names if (local := name.split("@")[0]) in known), None)
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
        why = "the process that sent it died before it knew the answer"
        _Sending(ledger, name, view.recipients).settle_rest(DeliveryState.UNSURE, why)


def _summary(recipients: Sequence[Recipient]) -> str:
    """What the server said, and what it said of those who have not got it."""
    sent = next((one.reply for one in recipients if one.state is DeliveryState.SENT), "")
    others = [f"{one.address} {one.state}: {one.reply}" for one in recipients if one.state in _NOT_SENT]
    if not sent and len({one.reply for one in recipients}) == 1:
        return recipients[0].reply
    return "; ".join(filter(None, (sent, *others)))


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
