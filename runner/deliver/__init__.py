"""Send reports by mail: every message is recorded before it is sent, and its result afterwards."""

from __future__ import annotations

from runner.deliver.message import Letter, Picture, compose, message_id
from runner.deliver.outbox import Delivery, deliver, editions, latest_edition, next_try, retry, retry_due
from runner.deliver.results import RecipientResult, RefusedRecipient, SendResult, SendStatus, SmtpLimits
from runner.deliver.smtp import greet, send

__all__ = [
    "Delivery",
    "Letter",
    "Picture",
    "RecipientResult",
    "RefusedRecipient",
    "SendResult",
    "SendStatus",
    "SmtpLimits",
    "compose",
    "deliver",
    "editions",
    "greet",
    "latest_edition",
    "message_id",
    "next_try",
    "retry",
    "retry_due",
    "send",
]
