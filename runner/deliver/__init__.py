"""Documents to the world: messages that are written down before they leave, and what became of them."""

from __future__ import annotations

from runner.deliver.handover import Fate, Handover, Refusal, SmtpLimits, Verdict
from runner.deliver.message import Picture, compose, message_id
from runner.deliver.outbox import Delivery, Letter, deliver, next_try, retry, retry_due
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
