"""The ledger's tables. One row is one fact; docs/ledger.md says what each table means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from runner.record.prose import Document, Prose

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "REVISIONS",
    "Instant",
    "acts",
    "auto_updates",
    "backups",
    "changes",
    "clients",
    "deliveries",
    "holds",
    "instant_text",
    "leases",
    "looks",
    "metadata",
    "reports",
    "restore_points",
    "run_sites",
    "runs",
    "schedules",
    "segments",
    "sightings",
    "steps",
    "websites",
    "windows",
]

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Every revision of these tables, oldest first; the last one is what this code reads and writes."""


def instant_text(at: datetime) -> str:
    """An instant as the ledger keeps it: UTC, microseconds, one width."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Instant(TypeDecorator[datetime]):
    """An instant, aware in and UTC out, kept as text of one width so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Aware datetime to `2026-11-24T01:00:00.000000Z`; a naive one is refused."""
        return None if value is None else instant_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Text to an aware datetime in UTC."""
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def _key(name: str) -> Column[str]:
    return Column(name, Prose, primary_key=True)


def _text(name: str, *, default: str = "") -> Column[str]:
    return Column(name, Prose, nullable=False, default=default)


def _json(name: str, default: Any) -> Column[Any]:
    return Column(name, Document, nullable=False, default=default)


def _of_run_site() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["run", "site"], ["run_sites.run", "run_sites.site"], ondelete="CASCADE")


def _website() -> Column[int]:
    """Which website a row is about: its name may change, or be used again for another."""
    return Column("website", Integer, index=True)


clients = Table(
    "clients",
    metadata,
    _key("client"),
    _text("name"),
    Column("language", Prose, nullable=False, default="en"),
    Column("timezone", Prose, nullable=False, default="UTC"),
    _text("was"),
)

websites = Table(
    "websites",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Prose, nullable=False, unique=True),
    _text("client"),
    _text("url"),
    _text("host"),
    _text("path"),
    _text("was"),
    Column("since", Instant, nullable=False),
    Column("moved", Instant),
)

runs = Table(
    "runs",
    metadata,
    _key("run"),
    Column("playbook", Prose, nullable=False),
    _text("title"),
    Column("trigger", Prose, nullable=False),
    Column("window", Prose),
    Column("order_text", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("outcome", Text),
    Column("attempt", Integer, nullable=False, default=1),
    Column("executor", Text),
    Column("started", Instant, nullable=False, index=True),
    Column("finished", Instant),
    Column("undoes", Prose),
)

run_sites = Table(
    "run_sites",
    metadata,
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), primary_key=True),
    _key("site"),
    Column("client", Prose, nullable=False),
    Column("host", Prose, nullable=False),
    Column("ring", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    _text("why"),
    Column("started", Instant),
    Column("finished", Instant),
    _json("problems", list),
    Column("plan", Document(none_as_null=True)),
    Column("facts", Document(none_as_null=True)),
    _website(),
    Index(None, "site", "finished"),
)

steps = Table(
    "steps",
    metadata,
    _key("run"),
    _key("site"),
    _key("step"),
    Column("position", Integer, nullable=False),
    Column("kind", Prose, nullable=False),
    _text("title"),
    Column("outcome", Text),
    _text("why"),
    Column("seconds", Float),
    Column("started", Instant),
    Column("finished", Instant),
    _text("output"),
    Column("trials", Integer),
    Column("looks", Integer),
    _of_run_site(),
)

changes = Table(
    "changes",
    metadata,
    _key("run"),
    _key("site"),
    _key("step"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", Prose, nullable=False),
    Column("item", Prose, nullable=False),
    _text("title"),
    _text("from_version"),
    _text("to_version"),
    Column("outcome", Text, nullable=False),
    _text("why"),
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
    _key("run"),
    _key("site"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("job", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Prose),
    Column("recorded", Instant, nullable=False),
    Column("trial", Text),
    Column("span", Document(none_as_null=True)),
    _of_run_site(),
)

looks = Table(
    "looks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), index=True),
    Column("site", Prose, nullable=False),
    Column("at", Instant, nullable=False),
    Column("phase", Prose, nullable=False),
    Column("signal", Prose, nullable=False),
    _text("url"),
    Column("healthy", Boolean),
    Column("status", Integer),
    Column("seconds", Float),
    Column("bytes", Integer),
    _json("findings", list),
    _text("note"),
    Column("seen", Text),
    Column("client", Prose),
    _website(),
    UniqueConstraint("site", "at", "phase", "signal", "url"),
)

restore_points = Table(
    "restore_points",
    metadata,
    _key("run"),
    _key("site"),
    _key("path"),
    Column("created", Instant, nullable=False),
    Column("bytes", Integer),
    _json("items", list),
    Column("removed", Instant),
    _of_run_site(),
)

backups = Table(
    "backups",
    metadata,
    _key("snapshot"),
    Column("site", Prose, nullable=False),
    Column("client", Prose, nullable=False),
    Column("run", ForeignKey("runs.run", ondelete="SET NULL")),
    Column("taken", Instant, nullable=False),
    Column("store", Prose, nullable=False),
    Column("uri", Prose, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("files", Integer),
    Column("tables", Integer),
    Column("manifest_sha256", Text, nullable=False),
    Column("verified", Instant),
    Column("removed", Instant),
    _website(),
    Index(None, "site", "taken"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("website", Integer, primary_key=True, autoincrement=False),
    _key("kind"),
    _key("item"),
    _key("version"),
    Column("first_seen", Instant, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Prose, nullable=False),
    Column("item", Prose, nullable=False),
    Column("version", Prose, nullable=False),
    _text("why"),
    _json("evidence", dict),
    Column("since", Instant, nullable=False),
    Column("lifted", Instant),
    _website(),
    Index(None, "site", "item"),
)

auto_updates = Table(
    "auto_updates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Prose, nullable=False),
    Column("kind", Prose, nullable=False),
    Column("key", Prose, nullable=False),
    Column("item", Prose, nullable=False),
    _text("was"),
    Column("state", Text, nullable=False),
    _text("why"),
    _text("forced"),
    Column("run", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("settled_run", Prose),
    Column("settled", Instant),
    Column("client", Prose),
    _website(),
    Index(None, "site", "settled"),
)

windows = Table(
    "windows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("window", Prose, nullable=False),
    Column("client", Prose, nullable=False, default=""),
    Column("site", Prose, nullable=False, default=""),
    Column("starts", Instant, nullable=False, index=True),
    Column("closes", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text),
    _text("why"),
    Column("recorded", Instant, nullable=False),
    UniqueConstraint("window", "client", "site", "starts"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("window", Prose, nullable=False),
    Column("client", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("settled", Instant, nullable=False),
    Column("definition", Document(none_as_null=True)),
    Index(None, "window", "client"),
)

reports = Table(
    "reports",
    metadata,
    _key("client"),
    _key("period"),
    _key("kind"),
    Column("created", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("data", Document, nullable=False),
    Column("html_sha256", Text),
)

deliveries = Table(
    "deliveries",
    metadata,
    _key("message_id"),
    Column("client", Prose, nullable=False),
    Column("period", Prose, nullable=False),
    _json("recipients", list),
    _text("subject"),
    Column("message", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, default=0),
    _text("reply"),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    _key("executor"),
    Column("host", Prose, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", Text, nullable=False),
    Column("renewed", Instant, nullable=False),
    Column("released", Instant),
    Column("taken_by", Prose),
)

acts = Table(
    "acts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("act", Text, nullable=False),
    _text("operator"),
    _text("login"),
    _text("host"),
    Column("run", Prose, index=True),
    _text("subject"),
    _json("details", dict),
    Column("salt", Text),
    Column("seal", Text, nullable=False),
    Column("previous", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
)
