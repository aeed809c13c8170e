"""Send reports, announcements and notices: each is recorded before it is sent, and its result afterwards."""

from __future__ import annotations

from runner.deliver.announcements import announcement_delivery, give_up_late
from runner.deliver.attempt import Delivery
from runner.deliver.message import Letter, Picture, compose, message_id
from runner.deliver.notices import CrewMail, mail_delivery, send_directly, send_notices, webhook_delivery
from runner.deliver.outbox import by_mail, deliver, editions, latest_edition, next_try, retry, retry_due
from runner.deliver.results import RecipientResult, RefusedRecipient, SendResult, SendStatus, SmtpLimits
from runner.deliver.smtp import greet, send
from runner.deliver.webhook import by_webhook, ping

__all__ = [
    "CrewMail",
    "Delivery",
    "Letter",
    "Picture",
    "RecipientResult",
    "RefusedRecipient",
    "SendResult",
    "SendStatus",
    "SmtpLimits",
    "announcement_delivery",
    "by_mail",
    "by_webhook",
    "compose",
    "deliver",
    "editions",
    "give_up_late",
    "greet",
    "latest_edition",
    "mail_delivery",
    "message_id",
    "next_try",
    "ping",
    "retry",
    "retry_due",
    "send",
    "send_directly",
    "send_notices",
    "webhook_delivery",
]
