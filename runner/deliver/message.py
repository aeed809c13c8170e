"""Build mail messages: MIME parts, addresses, and ids that let a server drop duplicates."""

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

__all__ = [
    "Letter",
    "Picture",
    "addressed",
    "as_bytes",
    "compose",
    "local_part",
    "message_id",
    "recipients_of",
]

_WIRE = SMTP.clone(cte_type="7bit")
"""Seven-bit text with CRLF: accepted by every server, and byte-identical on every attempt."""

_UTF8 = _WIRE.clone(utf8=True)
"""For servers with SMTPUTF8: non-ASCII addresses are written to headers unchanged."""
_LONGEST = 300
"""Maximum length of a header value."""
_LONGEST_NAME = 100
"""Maximum length of a display name, so that it fits in a line together with the address."""
_TO = re.compile(rb"^To:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", re.MULTILINE)
_NO_RECIPIENT_LINE = b"To: undisclosed-recipients:;\r\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that is part of the message; the HTML refers to it as `cid:CID`."""

    cid: str
    subtype: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail to a client. `period` and `kind` (such as `final`) identify a report."""

    client: str
    period: str
    kind: str
    contacts: Sequence[Contact]
    """Recipients."""
    subject: str
    """One line; line breaks are removed."""
    html: str
    text: str
    """The plain-text alternative of the HTML."""
    language: str
    """Language tag of both."""
    sender_name: str = ""
    """Display name if `mail.sender` is a bare address."""
    reply_to: str | None = None
    """Address that a person reads."""
    picture: Picture | None = None
    """The agency's logo."""
    was: str = ""
    """The client's id before it was renamed; earlier editions may have been sent under it."""
    follows: str = ""
    """Id of the earlier message that it is about, so that mail programs show them together."""


def message_id(mail: Mail, client: str, period: str, kind: str, *, edition: int = 1) -> str:
    """Return the id of a report's edition. It is always the same, so that a server can drop duplicates."""
    return f"<{local_part(client, period, kind, edition=edition)}@{_domain(mail)}>"


def local_part(client: str, period: str, kind: str, *, edition: int = 1) -> str:
    """Return the part of the id of a report's edition that does not depend on the sender."""
    words = [client, period, kind] + ([f"again-{edition}"] if edition > 1 else [])
    plain = ".".join(re.sub(r"[^a-z0-9-]+", "-", word.lower()).strip("-")[:20] or "x" for word in words)
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:8]
    return f"report.{plain}.{digest}"


def compose(mail: Mail, letter: Letter, message_id: str, now: datetime) -> EmailMessage:
    """Build a message with a plain-text and an HTML part, and the picture as part of the latter.

    `To` lists the contacts whose addresses every server accepts; `addressed` builds the message for others.

    Raises:
        DeliveryError: There is no recipient, or an address is invalid.
    """
    recipients = recipients_of(letter.contacts)
    if not recipients:
        raise DeliveryError(
            "the client has no contacts", hint="add `contacts` to the client in the inventory"
        )
    message = EmailMessage(policy=_WIRE)
    name, address = parseaddr(mail.sender)
    message["From"] = _address(name or letter.sender_name, address)
    named = [_address(one.name, one.address) for one in recipients if one.address.isascii()]
    message["To"] = named or "undisclosed-recipients:;"
    if letter.reply_to:
        message["Reply-To"] = _address(*parseaddr(letter.reply_to))
    message["Subject"] = _line(letter.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    if letter.follows:
        message["In-Reply-To"] = message["References"] = letter.follows
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = _line(letter.language)  # if set earlier, it would move into the first part
    if letter.picture:
        _embed(letter.picture, message)
    return message


def _embed(picture: Picture, message: EmailMessage) -> None:
    _, html_part = message.iter_parts()
    assert isinstance(html_part, EmailMessage)  # noqa: S101  # the second part is the HTML
    html_part.add_related(
        picture.content,
        "image",
        picture.subtype,
        cid=f"<{picture.cid}>",
        disposition="inline",
        filename=f"logo.{picture.subtype}",
    )


def recipients_of(contacts: Iterable[Contact]) -> tuple[Recipient, ...]:
    """Return the contacts with their envelope addresses, each mailbox once.

    Raises:
        DeliveryError: an address is invalid.
    """
    found: dict[str, Recipient] = {}
    for contact in contacts:
        address = _read(contact.email)
        found.setdefault(address.key, Recipient(address=str(address), name=_name(contact.name)))
    return tuple(found.values())


def as_bytes(message: EmailMessage) -> bytes:
    """Return the message as it is sent."""
    return message.as_bytes(policy=_WIRE)


def addressed(content: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Return the message with other recipients in `To`; in UTF-8 if an address needs it."""
    ascii_only = all(one.address.isascii() for one in recipients)
    header = EmailMessage(policy=_WIRE if ascii_only else _UTF8)
    header["To"] = [_address(one.name, one.address) for one in recipients]
    line = header.as_bytes().removesuffix(b"\r\n") if recipients else _NO_RECIPIENT_LINE
    head, between, body = content.partition(b"\r\n\r\n")
    return _TO.sub(lambda _: line, head + b"\r\n", count=1) + between.removeprefix(b"\r\n") + body


def _address(name: str, address: str) -> Address:
    """Return a display name with an address whose domain is ASCII.

    Raises:
        DeliveryError: The address is invalid.
    """
    read = _read(address)
    local = read.local[1:-1] if read.local.startswith('"') else read.local
    return Address(display_name=_name(name), username=local, domain=read.domain)


def _read(address: str) -> MailAddress:
    try:
        return mail_address(address.strip(" "))
    except ValueError as error:
        hint = "correct the address in the inventory or sitecrew.yaml"
        raise DeliveryError(f"{_line(address)!r} is not an e-mail address: {error}", hint=hint) from None


def _domain(mail: Mail) -> str:
    return _address("", parseaddr(mail.sender)[1]).domain


def _name(text: str) -> str:
    return _line(sentence(text, _LONGEST_NAME))


def _line(text: str) -> str:
    """Return one line without control characters, so that a name cannot add a header or reverse text.

    Encoded words (`=?utf-8?q?...?=`) are broken up. The email package would decode them, and the result could
    contain line breaks.
    """
    return sentence(text, _LONGEST).replace("=?", "= ?")
