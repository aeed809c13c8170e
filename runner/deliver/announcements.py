"""Announcements in the outbox. Like reports they are sent once, but not after their window has opened."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING

from runner.deliver.attempt import Delivery, result_of, settle_rest, view_of
from runner.deliver.message import Letter, as_bytes, compose, recipients_of
from runner.model import Mail
from runner.record import DeliveryKind, DeliveryState, NewAnnouncement, NewDelivery
from runner.units import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.record import Ledger

__all__ = ["announcement_delivery", "give_up_late"]


def announcement_delivery(
    mail: Mail, about: NewAnnouncement, letter: Letter, now: datetime, *, cancels: bool = False
) -> NewDelivery:
    """Return the message for the outbox: an announcement, or that it is cancelled.

    Its id is always the same for an opening and edition, so that a server can drop a duplicate.

    Raises:
        DeliveryError: there is no recipient, or an address is invalid.
    """
    message = compose(mail, letter, _message_id(mail, about, cancels=cancels), now)
    return NewDelivery(
        message_id=str(message["Message-ID"]),
        kind=DeliveryKind.ANNOUNCEMENT,
        topic=f"{about.window} {iso(about.starts)}",
        client=about.client,
        recipients=recipients_of(letter.contacts),
        subject=str(message["Subject"]),
        message=as_bytes(message),
    )


def give_up_late(ledger: Ledger, now: datetime) -> Iterator[Delivery]:
    """Give up queued messages about openings that have started; yield them."""
    for name in ledger.announcements.too_late(now):
        view = view_of(ledger, name)
        reason = f"the window has opened: {view.reply}".removesuffix(": ")
        settle_rest(ledger, view, DeliveryState.REFUSED, reason)
        yield result_of(ledger, name, attempted=True)


def _message_id(mail: Mail, about: NewAnnouncement, *, cancels: bool) -> str:
    words = [about.client, about.window, f"{about.starts:%Y%m%d-%H%M}", str(about.edition)]
    words += ["cancelled"] if cancels else []
    plain = ".".join(re.sub(r"[^a-z0-9-]+", "-", word.lower()).strip("-")[:20] or "x" for word in words)
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:8]
    domain = parseaddr(mail.sender)[1].rpartition("@")[2]
    return f"<announcement.{plain}.{digest}@{re.sub(r'[^A-Za-z0-9.-]', '-', domain)}>"
