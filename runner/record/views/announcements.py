"""Announcements of openings to clients, as they are read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runner.record.views.instants import rfc3339

__all__ = ["AnnouncementState", "AnnouncementView", "NewAnnouncement"]


class AnnouncementState(StrEnum):
    """Whether an announcement still applies."""

    ANNOUNCED = "announced"
    MOVED = "moved"
    """A later announcement, with another time, replaces it."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnnouncement:
    """An announcement to record."""

    window: str
    client: str
    starts: datetime
    closes: datetime
    edition: int = 1
    """Counts the announcements of the same opening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementView:
    """An opening that was announced to a client."""

    id: int
    window: str
    client: str
    starts: datetime
    closes: datetime
    edition: int
    state: AnnouncementState
    why: str
    """Why it was cancelled."""
    announced: datetime
    """When the message was queued."""
    message_id: str
    ended: datetime | None
    """When it was moved or cancelled."""
    ended_message_id: str
    """The message that it does not take place; empty if there is none."""

    @property
    def applies(self) -> bool:
        """Whether it was neither moved nor cancelled."""
        return self.state is AnnouncementState.ANNOUNCED

    @property
    def key(self) -> tuple[str, str, datetime]:
        """Window, client and start, which identify the opening."""
        return self.window, self.client, self.starts

    def as_json(self) -> dict[str, object]:
        """Return an entry of `list announcements --json`, without the state of its delivery."""
        return {
            "window": self.window,
            "client": self.client,
            "starts": rfc3339(self.starts),
            "closes": rfc3339(self.closes),
            "state": self.state.value,
            "why": self.why,
            "announced": rfc3339(self.announced),
            "ended": rfc3339(self.ended),
        }
