"""What is read about backups, holds, windows, reports, messages and processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runner.record.views.runs import rfc3339

__all__ = [
    "LEASE",
    "BackupView",
    "DeliveryState",
    "DeliveryView",
    "HoldView",
    "LeaseView",
    "Recipient",
    "ReportView",
    "WindowState",
    "WindowView",
    "worst",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """A snapshot in a store."""

    snapshot: str
    site: str
    client: str
    run: str | None
    taken: datetime
    store: str
    uri: str
    size: int
    """Bytes."""
    files: int | None
    tables: int | None
    manifest_sha256: str
    verified: datetime | None
    removed: datetime | None

    def as_json(self) -> dict[str, object]:
        """One entry of `backup list --json`."""
        return {
            "snapshot": self.snapshot,
            "site": self.site,
            "taken": rfc3339(self.taken),
            "bytes": self.size,
            "files": self.files,
            "tables": self.tables,
            "store": self.store,
            "run": self.run,
            "verified": rfc3339(self.verified),
            "removed": rfc3339(self.removed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A version that is not installed on a site until somebody lifts the hold or a newer one comes."""

    site: str
    item: str
    version: str
    why: str
    evidence: Mapping[str, object]
    since: datetime
    lifted: datetime | None

    def as_json(self) -> dict[str, object]:
        """For other people's scripts."""
        return {
            "site": self.site,
            "item": self.item,
            "version": self.version,
            "why": self.why,
            "evidence": dict(self.evidence),
            "since": rfc3339(self.since),
            "lifted": rfc3339(self.lifted),
        }


class WindowState(StrEnum):
    """What became of a due window."""

    RUN = "run"
    MISSED = "missed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """A due window of a client or of one site; what is not meant is an empty name."""

    window: str
    client: str
    site: str
    starts: datetime
    closes: datetime
    state: WindowState
    run: str | None
    why: str
    recorded: datetime


class DeliveryState(StrEnum):
    """The state of a recipient, or of a message, which has that of its recipient who is worst off.

    `unsure`: it was handed over, and the answer never came.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    BOUNCED = "bounced"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """A report as it was made; `kind` is like `draft` or `final`."""

    client: str
    period: str
    kind: str
    created: datetime
    status: str
    data: Mapping[str, object]
    html_sha256: str | None


_WORST = (DeliveryState.SENDING, DeliveryState.QUEUED, DeliveryState.UNSURE, DeliveryState.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who gets a message, and how far it has come."""

    address: str
    """As in the envelope."""
    name: str = ""
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    reply: str = ""
    """What the server said last."""

    def as_json(self) -> dict[str, object]:
        """One entry of `recipients` in the ledger."""
        return {
            "address": self.address,
            "name": self.name,
            "state": self.state.value,
            "attempts": self.attempts,
            "reply": self.reply,
        }


def worst(recipients: Iterable[Recipient]) -> DeliveryState:
    """The state of a message: that of its recipient who is worst off."""
    states = {one.state for one in recipients}
    return next((state for state in _WORST if state in states), DeliveryState.SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """A message on its way."""

    message_id: str
    client: str
    period: str
    recipients: tuple[Recipient, ...]
    subject: str
    state: DeliveryState
    attempts: int
    reply: str
    """What the other side said last."""
    created: datetime
    updated: datetime

    def as_json(self) -> dict[str, object]:
        """The message as JSON."""
        return {
            "message_id": self.message_id,
            "client": self.client,
            "period": self.period,
            "to": [one.address for one in self.recipients],
            "recipients": [one.as_json() for one in self.recipients],
            "subject": self.subject,
            "state": self.state.value,
            "attempts": self.attempts,
            "reply": self.reply,
            "created": rfc3339(self.created),
            "updated": rfc3339(self.updated),
        }


LEASE = timedelta(seconds=10)
"""A process that has not renewed its lease for this long is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseView:
    """A process that works or worked on runs."""

    executor: str
    host: str
    pid: int
    process_start: str
    """When the process began, as its system says it: a process id alone may be used again."""
    renewed: datetime
    released: datetime | None
    taken_by: str | None
