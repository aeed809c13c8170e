"""Documents to a message: MIME, addresses, and an id that a server recognises when it comes twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from runner.addresses import MailAddress, mail_address
from runner.errors import DeliveryError
from runner.model import Contact, Mail
from runner.record import Recipient
from runner.untrusted import sentence

__all__ = ["Picture", "addressed", "as_bytes", "compose", "message_id", "recipients_of"]

_WIRE = SMTP.clone(cte_type="7bit")
"""Seven bits and CRLF: what every server takes, and the same bytes whenever it is sent."""

_UTF8 = _WIRE.clone(utf8=True)
"""For servers with SMTPUTF8: addresses beyond ASCII stand in headers as they are."""
_LONGEST = 300
"""Characters of a header's value."""
_LONGEST_NAME = 100
"""Characters of a display name: in UTF-8 and with its address it fits in a line."""
_TO = re.compile(rb"^To:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", re.MULTILINE)
_NOBODY = b"To: undisclosed-recipients:;\r\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that lies in the message; the HTML names it `cid:` and `cid`. `subtype` is like `png`."""

    cid: str
    subtype: str
    content: bytes


def message_id(mail: Mail, client: str, period: str, kind: str, *, edition: int = 1) -> str:
    """The same for the same report, so that a server drops a second copy; another for each edition."""
    words = [client, period, kind] + ([f"again-{edition}"] if edition > 1 else [])
    plain = ".".join(re.sub(r"[^a-z0-9-]+", "-", word.lower()).strip("-")[:20] or "x" for word in words)
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:8]
    return f"<report.{plain}.{digest}@{_domain(mail)}>"


def compose(
    mail: Mail,
    contacts: Sequence[Contact],
    *,
    message_id: str,
    subject: str,
    html: str,
    text: str,
    language: str,
    now: datetime,
    sender_name: str = "",
    reply_to: str | None = None,
    picture: Picture | None = None,
) -> EmailMessage:
    """A message with a plain-text and an HTML part, and the picture beside the latter.

    Its header names the contacts that every server takes; `addressed` makes the message for the others.

    Args:
        mail: Gives the sender's address.
        contacts: Whom it goes to.
        message_id: As `message_id` gives it.
        subject: One line; what would end it is taken out.
        html: The document for mail programs.
        text: Its plain-text twin.
        language: Language tag of both.
        now: Date of the message.
        sender_name: Who signs, where `mail.sender` is a bare address.
        reply_to: Address that a person reads.
        picture: The agency's logo.

    Raises:
        DeliveryError: There is nobody to send it to, or an address is none.
    """
    recipients = recipients_of(contacts)
    if not recipients:
        raise DeliveryError(
            "there is nobody to send it to", hint="give the client `contacts` in inventory.yaml"
        )
    message = EmailMessage(policy=_WIRE)
    name, address = parseaddr(mail.sender)
    message["From"] = _address(name or sender_name, address)
    named = [_address(one.name, one.address) for one in recipients if one.address.isascii()]
    message["To"] = named or "undisclosed-recipients:;"
    if reply_to:
        message["Reply-To"] = _address(*parseaddr(reply_to))
    message["Subject"] = _line(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = _line(language)  # earlier, it would have moved into the first part
    if picture:
        _, html_part = message.iter_parts()
        assert isinstance(html_part, EmailMessage)  # noqa: S101  # made two lines above
        html_part.add_related(
            picture.content,
            "image",
            picture.subtype,
            cid=f"<{picture.cid}>",
            disposition="inline",
            filename=f"logo.{picture.subtype}",
        )
    return message


def recipients_of(contacts: Iterable[Contact]) -> tuple[Recipient, ...]:
    """The contacts with their addresses as the envelope has them, each mailbox once.

    Raises:
        DeliveryError: an address is none.
    """
    found: dict[str, Recipient] = {}
    for contact in contacts:
        address = _read(contact.email)
        found.setdefault(address.key, Recipient(address=str(address), name=_name(contact.name)))
    return tuple(found.values())


def as_bytes(message: EmailMessage) -> bytes:
    """The message as it goes over the wire."""
    return message.as_bytes(policy=_WIRE)


def addressed(content: bytes, recipients: Sequence[Recipient]) -> bytes:
    """The same message with other people in its `To`; in UTF-8 where an address needs it."""
    ascii_only = all(one.address.isascii() for one in recipients)
    header = EmailMessage(policy=_WIRE if ascii_only else _UTF8)
    header["To"] = [_address(one.name, one.address) for one in recipients]
    line = header.as_bytes().removesuffix(b"\r\n") if recipients else _NOBODY
    head, between, body = content.partition(b"\r\n\r\n")
    return _TO.sub(lambda _: line, head + b"\r\n", count=1) + between.removeprefix(b"\r\n") + body


def _address(name: str, address: str) -> Address:
    """A display name and an address whose domain is plain ASCII.

    Raises:
        DeliveryError: It is not an address.
    """
    read = _read(address)
    local = read.local[1:-1] if read.local.startswith('"') else read.local
    return Address(display_name=_name(name), username=local, domain=read.domain)


def _read(address: str) -> MailAddress:
    try:
        return mail_address(address.strip(" "))
    except ValueError as error:
        hint = "correct it in the workspace's files"
        raise DeliveryError(f"{_line(address)!r} is not an e-mail address: {error}", hint=hint) from None


def _domain(mail: Mail) -> str:
    return _address("", parseaddr(mail.sender)[1]).domain


def _name(text: str) -> str:
    return _line(sentence(text, _LONGEST_NAME))


def _line(text: str) -> str:
    """One line without control characters: a name cannot add a header, nor reverse what follows it.

    An encoded word (`=?utf-8?q?...?=`) is taken apart: the email package would decode it, and what comes out
    may hold line ends.
    """
    return sentence(text, _LONGEST).replace("=?", "= ?")
