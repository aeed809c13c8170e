"""Send reports by mail: every message is recorded before it is sent, and its result afterwards."""

from __future__ import annotations

from runner.deliver.handover import Fate, Handover, Refusal, SmtpLimits, Verdict
from runner.deliver.message import Letter, Picture, compose, message_id
from runner.deliver.outbox import Delivery, deliver, next_try, retry, retry_due
from runner.deliver.smtp import greet, send

__all__ = [
    "Delivery",
    "Fate",
    "Handover",
    "Letter",
    "Picture",
    "Refusal",
    "SmtpLimits",
    "Verdict",
    "compose",
    "deliver",
    "greet",
    "message_id",
    "next_try",
    "retry",
    "retry_due",
    "send",
]
