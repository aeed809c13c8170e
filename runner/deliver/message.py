"""Documents to a message: MIME, addresses, and an id that a server recognises when it comes twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from runner.errors import DeliveryError
from runner.model import Contact, Mail
from runner.untrusted import sentence

__all__ = ["Picture", "as_bytes", "compose", "message_id"]

_WIRE = SMTP.clone(cte_type="7bit")
"""Seven bits and CRLF: what every server takes, and the same bytes whenever it is sent."""

_LONGEST = 300
"""Characters of a header's value."""


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
    if not contacts:
        raise DeliveryError(
            "there is nobody to send it to", hint="give the client `contacts` in inventory.yaml"
        )
    message = EmailMessage(policy=_WIRE)
    name, address = parseaddr(mail.sender)
    message["From"] = _address(name or sender_name, address)
    message["To"] = [_address(contact.name, contact.email) for contact in contacts]
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


def as_bytes(message: EmailMessage) -> bytes:
    """The message as it goes over the wire."""
    return message.as_bytes(policy=_WIRE)


def _address(name: str, address: str) -> Address:
    """A display name and an address whose domain is plain ASCII.

    Raises:
        DeliveryError: It is not an address.
    """
    address = address.strip()
    user, at, domain = address.rpartition("@")
    if not (user and at and domain) or _line(address) != address or " " in address:
        raise DeliveryError(
            f"{address!r} is not an e-mail address", hint="correct it in the workspace's files"
        )
    try:
        domain = domain.encode("idna").decode("ascii")
        return Address(display_name=_line(name), username=user, domain=domain)
    except (UnicodeError, ValueError, IndexError) as error:
        raise DeliveryError(f"{address!r} is not an e-mail address: {error}") from error


def _domain(mail: Mail) -> str:
    return _address("", parseaddr(mail.sender)[1]).domain


def _line(text: str) -> str:
    """One line without control characters: a name cannot add a header, nor reverse what follows it.

    An encoded word (`=?utf-8?q?...?=`) is taken apart: the email package would decode it, and what comes out
    may hold line ends.
    """
    return sentence(text, _LONGEST).replace("=?", "= ?")
