"""The result of sending a message to a server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Fate", "Handover", "Refusal", "SmtpLimits", "Verdict"]

_FINAL = range(500, 600)


class Verdict(StrEnum):
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
class Refusal:
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
class Fate:
    """The result for one recipient, with the server's reply."""

    verdict: Verdict
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The result for a message: verdict, reply, and accepted and refused recipients."""

    verdict: Verdict
    reply: str
    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def fate(self, address: str) -> Fate:
        """Return the result for one of the recipients."""
        for one in self.refused:
            if one.address == address:
                return Fate(Verdict.LATER if one.temporary else Verdict.REFUSED, f"{one.code} {one.reply}")
        return Fate(self.verdict, self.reply)

    @property
    def left_over(self) -> tuple[str, ...]:
        """Recipients beyond the server's limit, who can get a separate message at once."""
        return tuple(one.address for one in self.refused if one.too_many) if self.accepted else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLimits:
    """Time limits in seconds: `wait` for one answer, `whole` for the conversation."""

    wait: float = 30.0
    whole: float = 120.0
