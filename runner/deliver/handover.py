"""What became of a message that was handed to a server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Fate", "Handover", "Refusal", "SmtpLimits", "Verdict"]

_FINAL = range(500, 600)


class Verdict(StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    """The server took it for at least one recipient."""
    REFUSED = "refused"
    """For good: sending the same again is of no use."""
    LATER = "later"
    """Not taken, and it may be tried again: nothing was handed over."""
    UNSURE = "unsure"
    """It was handed over whole, and the answer never came: it may have been delivered."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient that the server did not take."""

    address: str
    code: int
    reply: str

    @property
    def too_many(self) -> bool:
        """The server takes no more recipients for one message; the rest get a message of their own."""
        return self.reply.startswith(("4.5.3", "5.5.3"))

    @property
    def temporary(self) -> bool:
        """It may be taken another time."""
        return self.code not in _FINAL or self.too_many


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the message for one recipient, with the server's reply."""

    verdict: Verdict
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The verdict, what the server said, and who was left out."""

    verdict: Verdict
    reply: str
    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def fate(self, address: str) -> Fate:
        """What became of the message for one of its recipients."""
        for one in self.refused:
            if one.address == address:
                return Fate(Verdict.LATER if one.temporary else Verdict.REFUSED, f"{one.code} {one.reply}")
        return Fate(self.verdict, self.reply)

    @property
    def left_over(self) -> tuple[str, ...]:
        """Who may be tried at once with a message of their own, since the server took only so many."""
        return tuple(one.address for one in self.refused if one.too_many) if self.accepted else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLimits:
    """Seconds: for one wait, and for everything together."""

    wait: float = 30.0
    whole: float = 120.0
