"""What became of a message that was handed to a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Handover", "Refusal", "SmtpLimits", "Verdict"]

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
    def temporary(self) -> bool:
        """It may be taken another time."""
        return self.code not in _FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The verdict, what the server said, and who was left out."""

    verdict: Verdict
    reply: str
    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLimits:
    """Seconds: for one wait, and for everything together."""

    wait: float = 30.0
    whole: float = 120.0
