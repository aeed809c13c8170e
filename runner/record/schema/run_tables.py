"""Tables of clients, websites and runs, and of what happened in each run."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from runner.record.prose import Document, Prose
from runner.record.schema.columns import Instant, Whole, json, key, metadata, of_run_site, text, website

__all__ = [
    "changes",
    "clients",
    "look_summaries",
    "looks",
    "restore_points",
    "run_sites",
    "runs",
    "segments",
    "steps",
    "websites",
]

clients = Table(
    "clients",
    metadata,
    key("client"),
    text("name"),
    Column("language", Prose, nullable=False, default="en"),
    Column("timezone", Prose, nullable=False, default="UTC"),
    text("was"),
)

websites = Table(
    "websites",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("name", Prose, nullable=False, unique=True),
    text("client"),
    text("url"),
    text("host"),
    text("path"),
    text("was"),
    Column("since", Instant, nullable=False),
    Column("moved", Instant),
)

runs = Table(
    "runs",
    metadata,
    key("run"),
    Column("playbook", Prose, nullable=False),
    text("title"),
    Column("trigger", Prose, nullable=False),
    Column("window", Prose),
    Column("order_text", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("outcome", Text),
    Column("attempt", Whole, nullable=False, default=1),
    Column("executor", Text),
    Column("started", Instant, nullable=False, index=True),
    Column("finished", Instant),
    Column("undoes", Prose),
    Column("pruned", Instant),
)

run_sites = Table(
    "run_sites",
    metadata,
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), primary_key=True),
    key("site"),
    Column("client", Prose, nullable=False),
    Column("host", Prose, nullable=False),
    Column("ring", Whole, nullable=False),
    Column("position", Whole, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    text("why"),
    Column("started", Instant),
    Column("finished", Instant),
    json("problems", list),
    Column("plan", Document(none_as_null=True)),
    Column("facts", Document(none_as_null=True)),
    Column("website", Whole),
    Index(None, "site", "finished"),
    Index(None, "website", "finished"),
)

steps = Table(
    "steps",
    metadata,
    key("run"),
    key("site"),
    key("step"),
    Column("position", Whole, nullable=False),
    Column("kind", Prose, nullable=False),
    text("title"),
    Column("outcome", Text),
    text("why"),
    Column("seconds", Float),
    Column("started", Instant),
    Column("finished", Instant),
    text("output"),
    Column("trials", Whole),
    Column("looks", Whole),
    of_run_site(),
)

changes = Table(
    "changes",
    metadata,
    key("run"),
    key("site"),
    key("step"),
    Column("position", Whole, primary_key=True, autoincrement=False),
    Column("kind", Prose, nullable=False),
    Column("item", Prose, nullable=False),
    text("title"),
    text("from_version"),
    text("to_version"),
    Column("outcome", Text, nullable=False),
    text("why"),
    Column("finished", Instant, nullable=False),
    Column("unverified", Prose),
    Column("uncertain", Boolean),
    ForeignKeyConstraint(
        ["run", "site", "step"], ["steps.run", "steps.site", "steps.step"], ondelete="CASCADE"
    ),
    Index(None, "site", "finished"),
)

segments = Table(
    "segments",
    metadata,
    key("run"),
    key("site"),
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("job", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Prose),
    Column("recorded", Instant, nullable=False),
    Column("trial", Text),
    Column("span", Document(none_as_null=True)),
    Column("undo_seconds", Float),
    of_run_site(),
)

looks = Table(
    "looks",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), index=True),
    Column("site", Prose, nullable=False),
    Column("at", Instant, nullable=False),
    Column("phase", Prose, nullable=False),
    Column("signal", Prose, nullable=False),
    text("url"),
    Column("healthy", Boolean),
    Column("status", Whole),
    Column("seconds", Float),
    Column("bytes", Whole),
    json("findings", list),
    text("note"),
    Column("seen", Text),
    Column("client", Prose),
    website(),
    UniqueConstraint("site", "at", "phase", "signal", "url"),
)

look_summaries = Table(
    "look_summaries",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), index=True),
    Column("site", Prose, nullable=False),
    Column("phase", Prose, nullable=False),
    Column("first", Instant, nullable=False),
    Column("last", Instant, nullable=False),
    Column("total", Whole, nullable=False),
    Column("healthy", Whole, nullable=False),
    Column("unhealthy", Whole, nullable=False),
    Column("slowest", Float),
    Column("last_healthy", Instant),
    Column("last_unhealthy", Instant),
    Column("refused", Whole),
    Column("answered", Boolean, nullable=False),
    Column("client", Prose),
    website(),
)

restore_points = Table(
    "restore_points",
    metadata,
    key("run"),
    key("site"),
    key("path"),
    Column("created", Instant, nullable=False),
    Column("bytes", Whole),
    json("items", list),
    Column("removed", Instant),
    of_run_site(),
)
