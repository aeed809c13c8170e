"""Backups, holds, windows, reports, messages and leases, as they are read from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from runner.record.views.instants import rfc3339

__all__ = [
    "LEASE",
    "BackupView",
    "Channel",
    "DeliveryKind",
    "DeliveryState",
    "DeliveryView",
    "HoldByHand",
    "HoldView",
    "LeaseView",
    "Missed",
    "NewDelivery",
    "Pruned",
    "Recipient",
    "ReportSummary",
    "ReportView",
    "WindowState",
    "WindowView",
    "worst",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """A complete snapshot in a store."""

    snapshot: str
    site: str
    client: str
    run: str | None = None
    taken: datetime
    store: str
    uri: str
    size: int
    """Bytes."""
    files: int | None = None
    tables: int | None = None
    manifest_sha256: str
    verified: datetime | None = None
    """When it was last read back and matched its manifest."""
    removed: datetime | None = None
    """When it was deleted from the store."""

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
class HoldByHand:
    """What an operator holds with `sitecrew hold`."""

    item: str
    version: str = ""
    """Hold up to this version; empty for all versions."""
    why: str = ""
    until: date | None = None
    """The last day, in the time zone of the site's client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A hold on an item of a site, until it is lifted, its last day is over or a newer version is out."""

    site: str
    item: str
    version: str
    """The held version; empty for all versions."""
    why: str
    evidence: Mapping[str, object]
    operator: str | None = None
    """Who set it with `sitecrew hold`; None if a rollback or an undo set it."""
    until: date | None = None
    """The last day, in the time zone of the site's client; None if it has no end."""
    since: datetime
    lifted: datetime | None

    def as_json(self) -> dict[str, object]:
        """One hold as JSON."""
        return {
            "site": self.site,
            "item": self.item,
            "version": self.version,
            "why": self.why,
            "evidence": dict(self.evidence),
            "operator": self.operator,
            "until": self.until.isoformat() if self.until else None,
            "since": rfc3339(self.since),
            "lifted": rfc3339(self.lifted),
        }


class WindowState(StrEnum):
    """What happened to a due window."""

    RUN = "run"
    MISSED = "missed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """A due window of a client or of one site; the other name is empty."""

    window: str
    client: str = ""
    site: str = ""
    starts: datetime
    closes: datetime
    state: WindowState
    run: str | None = None
    why: str = ""
    recorded: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Openings that were missed because no scheduler was running; the crew is not notified of them yet."""

    openings: int
    first: datetime
    last: datetime
    """When the first and the last of them should have started."""
    windows: tuple[str, ...]
    recorded: datetime
    """When the last of them was recorded."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was pruned, or would be, by subject; `size` is that of the ledger in bytes."""

    rows: Mapping[str, int]
    size: int


class Channel(StrEnum):
    """How a message is sent."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class DeliveryKind(StrEnum):
    """What a message is."""

    REPORT = "report"
    """To a client. It is never sent again if it may have arrived."""
    ANNOUNCEMENT = "announcement"
    """To a client, before a window. Like a report, but not sent once the window has opened."""
    NOTICE = "notice"
    """To the crew. It is sent again if it may not have arrived."""


class DeliveryState(StrEnum):
    """The state of one recipient, or of a message: the worst state of its recipients.

    `unsure`: the message was sent, but the server's answer was never received.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    BOUNCED = "bounced"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSummary:
    """A recorded report without its data; `kind` is `final`, or `interim-` and the day it was made."""

    client: str
    period: str
    kind: str
    created: datetime
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """A recorded report; `kind` is for example `final`."""

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
    """A recipient of a message and the state of the delivery."""

    address: str
    """The envelope address."""
    name: str = ""
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    reply: str = ""
    """The server's last reply."""

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
    """Return the state of a message: the worst state of its recipients."""
    states = {one.state for one in recipients}
    return next((state for state in _WORST if state in states), DeliveryState.SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A message to add to the outbox."""

    message_id: str
    channel: Channel = Channel.MAIL
    kind: DeliveryKind = DeliveryKind.REPORT
    topic: str = ""
    client: str = ""
    period: str = ""
    recipients: tuple[Recipient, ...]
    """Of a webhook: its name in sitecrew.yaml."""
    subject: str
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """A message in the outbox."""

    message_id: str
    client: str
    period: str
    recipients: tuple[Recipient, ...]
    subject: str
    state: DeliveryState
    attempts: int
    reply: str
    """The server's last reply."""
    created: datetime
    updated: datetime
    channel: Channel = Channel.MAIL
    kind: DeliveryKind = DeliveryKind.REPORT
    topic: str = ""
    """What a notice or an announcement is about; empty for reports."""

    def as_json(self) -> dict[str, object]:
        """The message as JSON."""
        return {
            "message_id": self.message_id,
            "kind": self.kind.value,
            "channel": self.channel.value,
            "topic": self.topic,
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
"""A lease that was not renewed for this long has expired: its process counts as dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseView:
    """The lease of a process that works or worked on runs."""

    executor: str
    host: str
    pid: int
    process_start: str
    """When the process started, as its system reports it: process ids are reused."""
    renewed: datetime
    released: datetime | None
    taken_by: str | None
