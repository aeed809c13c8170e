"""The result of sending a message to a server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RecipientResult", "RefusedRecipient", "SendResult", "SendStatus", "SmtpLimits"]

_FINAL = range(500, 600)


class SendStatus(StrEnum):
    """The result of sending a message."""

    ACCEPTED = "accepted"
    """The server accepted it for at least one recipient."""
    REFUSED = "refused"
    """Permanently refused: sending the same message again would fail again."""
    LATER = "later"
    """Not sent; it can be tried again."""
    UNSURE = "unsure"
    """It was sent completely, but the server's answer was not received: it may have been delivered."""


@dataclass(frozen=True, slots=True)
class RefusedRecipient:
    """A recipient that the server refused."""

    address: str
    code: int
    reply: str

    @property
    def too_many(self) -> bool:
        """Whether the message had too many recipients; the rest get a separate message."""
        return self.reply.startswith(("4.5.3", "5.5.3"))

    @property
    def temporary(self) -> bool:
        """Whether the server may accept the recipient later."""
        return self.code not in _FINAL or self.too_many


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """The result for one recipient, with the server's reply."""

    status: SendStatus
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """The result for a message: status, reply, and accepted and refused recipients."""

    status: SendStatus
    reply: str
    accepted: tuple[str, ...] = ()
    refused: tuple[RefusedRecipient, ...] = ()

    def result_for(self, address: str) -> RecipientResult:
        """Return the result for one of the recipients."""
        for one in self.refused:
            if one.address == address:
                return RecipientResult(
                    SendStatus.LATER if one.temporary else SendStatus.REFUSED, f"{one.code} {one.reply}"
                )
        return RecipientResult(self.status, self.reply)

    @property
    def over_limit(self) -> tuple[str, ...]:
        """Recipients beyond the server's limit, who can get a separate message at once."""
        return tuple(one.address for one in self.refused if one.too_many) if self.accepted else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLimits:
    """Time limits in seconds: `wait` for one answer, `whole` for the conversation."""

    wait: float = 30.0
    whole: float = 120.0
