"""Tables that outlive runs: backups, holds, windows, reports, messages, processes and acts."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint

from runner.record.prose import Document, Prose
from runner.record.schema.columns import Instant, Whole, json, key, metadata, text, website

__all__ = [
    "acts",
    "announcements",
    "approvals",
    "auto_updates",
    "backups",
    "calendars",
    "deliveries",
    "holds",
    "leases",
    "pauses",
    "reports",
    "schedules",
    "sightings",
    "windows",
]

backups = Table(
    "backups",
    metadata,
    key("snapshot"),
    Column("site", Prose, nullable=False),
    Column("client", Prose, nullable=False),
    Column("run", ForeignKey("runs.run", ondelete="SET NULL"), index=True),
    Column("taken", Instant, nullable=False),
    Column("store", Prose, nullable=False),
    Column("uri", Prose, nullable=False),
    Column("bytes", Whole, nullable=False),
    Column("files", Whole),
    Column("tables", Whole),
    Column("manifest_sha256", Text, nullable=False),
    Column("verified", Instant),
    Column("removed", Instant),
    website(),
    Index(None, "site", "taken"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("website", Whole, primary_key=True, autoincrement=False),
    key("kind"),
    key("item"),
    key("version"),
    Column("first_seen", Instant, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("site", Prose, nullable=False),
    Column("item", Prose, nullable=False),
    Column("version", Prose, nullable=False),
    text("why"),
    json("evidence", dict),
    Column("operator", Prose),
    Column("until", Date),
    Column("since", Instant, nullable=False),
    Column("lifted", Instant),
    website(),
    Index(None, "site", "item"),
)

auto_updates = Table(
    "auto_updates",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("site", Prose, nullable=False),
    Column("kind", Prose, nullable=False),
    Column("key", Prose, nullable=False),
    Column("item", Prose, nullable=False),
    text("was"),
    Column("state", Text, nullable=False),
    text("why"),
    text("forced"),
    Column("run", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("settled_run", Prose),
    Column("settled", Instant),
    Column("client", Prose),
    website(),
    Index(None, "site", "settled"),
)

windows = Table(
    "windows",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("window", Prose, nullable=False),
    Column("client", Prose, nullable=False, default=""),
    Column("site", Prose, nullable=False, default=""),
    Column("starts", Instant, nullable=False, index=True),
    Column("closes", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text, index=True),
    text("why"),
    Column("recorded", Instant, nullable=False),
    Column("noticed", Instant, index=True),
    UniqueConstraint("window", "client", "site", "starts"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("window", Prose, nullable=False),
    Column("client", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("settled", Instant, nullable=False),
    Column("definition", Document(none_as_null=True)),
    Index(None, "window", "client"),
)

calendars = Table(
    "calendars",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("periods", Text, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("client", Prose, nullable=False, index=True),
    Column("since", Instant, nullable=False),
    Column("until", Date, nullable=False),
    Column("ends", Instant, nullable=False),
    text("why"),
    Column("operator", Prose, nullable=False),
    Column("resumed", Instant),
    Column("resumed_by", Prose),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("window", Prose, nullable=False),
    Column("client", Prose, nullable=False, index=True),
    Column("starts", Instant, nullable=False),
    Column("until", Instant, nullable=False, index=True),
    Column("made", Instant, nullable=False),
    Column("state", Text, nullable=False),
    json("sites", list),
    Column("others", Whole, nullable=False),
    text("plan"),
    text("why"),
    Column("operator", Prose),
    Column("answered", Instant),
    Column("noticed", Instant, index=True),
    UniqueConstraint("window", "client", "starts"),
)

reports = Table(
    "reports",
    metadata,
    key("client"),
    key("period"),
    key("kind"),
    Column("created", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("data", Document, nullable=False),
    Column("html_sha256", Text),
)

deliveries = Table(
    "deliveries",
    metadata,
    key("message_id"),
    Column("client", Prose, nullable=False),
    Column("period", Prose, nullable=False),
    json("recipients", list),
    text("subject"),
    Column("message", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("attempts", Whole, nullable=False, default=0),
    text("reply"),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("channel", Text, nullable=False, server_default="mail"),
    Column("kind", Text, nullable=False, server_default="report"),
    Column("topic", Prose, nullable=False, server_default=""),
    Column("noticed", Instant),
    Index(None, "kind", "created"),
)

announcements = Table(
    "announcements",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("window", Prose, nullable=False),
    Column("client", Prose, nullable=False),
    Column("starts", Instant, nullable=False, index=True),
    Column("closes", Instant, nullable=False),
    Column("edition", Whole, nullable=False),
    Column("state", Text, nullable=False),
    text("why"),
    Column("announced", Instant, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("ended", Instant),
    text("ended_message_id"),
    UniqueConstraint("window", "client", "starts", "edition"),
)

leases = Table(
    "leases",
    metadata,
    key("executor"),
    Column("host", Prose, nullable=False),
    Column("pid", Whole, nullable=False),
    Column("process_start", Text, nullable=False),
    Column("renewed", Instant, nullable=False),
    Column("released", Instant, index=True),
    Column("taken_by", Prose),
)

acts = Table(
    "acts",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("act", Text, nullable=False, index=True),
    text("operator"),
    text("login"),
    text("host"),
    Column("run", Prose, index=True),
    text("subject"),
    json("details", dict),
    Column("salt", Text),
    Column("seal", Text, nullable=False),
    Column("previous", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
)
