"""The ledger's tables. One row is one fact; docs/ledger.md says what each table means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
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

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "REVISIONS",
    "Instant",
    "Prose",
    "backups",
    "changes",
    "deliveries",
    "holds",
    "leases",
    "looks",
    "metadata",
    "reports",
    "restore_points",
    "run_sites",
    "runs",
    "segments",
    "sightings",
    "steps",
    "windows",
]

REVISIONS = ("0001", "0002", "0003")
"""Every revision of these tables, oldest first; the last one is what this code reads and writes."""


class Instant(TypeDecorator[datetime]):
    """An instant, aware in and UTC out, kept as text of one width so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Aware datetime to `2026-11-24T01:00:00.000000Z`; a naive one is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Text to an aware datetime in UTC."""
        return None if value is None else datetime.fromisoformat(value)


class Prose(TypeDecorator[str]):
    """Text that may come from a host: what no database can hold (lone surrogates, NUL) is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Text that always encodes as UTF-8."""
        if value is None:
            return None
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str, *, default: str = "") -> Column[str]:
    return Column(name, Prose, nullable=False, default=default)


def _json(name: str, default: Any) -> Column[Any]:
    return Column(name, JSON, nullable=False, default=default)


def _of_run_site() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["run", "site"], ["run_sites.run", "run_sites.site"], ondelete="CASCADE")


runs = Table(
    "runs",
    metadata,
    _key("run"),
    Column("playbook", Text, nullable=False),
    _text("title"),
    Column("trigger", Text, nullable=False),
    Column("window", Text),
    Column("order_text", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    Column("attempt", Integer, nullable=False, default=1),
    Column("executor", Text),
    Column("started", Instant, nullable=False, index=True),
    Column("finished", Instant),
)

run_sites = Table(
    "run_sites",
    metadata,
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), primary_key=True),
    _key("site"),
    Column("client", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("ring", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    _text("why"),
    Column("started", Instant),
    Column("finished", Instant),
    _json("problems", list),
    Column("plan", JSON(none_as_null=True)),
    Column("facts", JSON(none_as_null=True)),
    Index(None, "site", "finished"),
)

steps = Table(
    "steps",
    metadata,
    _key("run"),
    _key("site"),
    _key("step"),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
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
    Column("kind", Text, nullable=False),
    Column("item", Text, nullable=False),
    _text("title"),
    _text("from_version"),
    _text("to_version"),
    Column("outcome", Text, nullable=False),
    _text("why"),
    Column("finished", Instant, nullable=False),
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
    Column("status", Text),
    Column("recorded", Instant, nullable=False),
    Column("trial", Text),
    _of_run_site(),
)

looks = Table(
    "looks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", ForeignKey("runs.run", ondelete="CASCADE"), index=True),
    Column("site", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("phase", Text, nullable=False),
    Column("signal", Text, nullable=False),
    _text("url"),
    Column("healthy", Boolean),
    Column("status", Integer),
    Column("seconds", Float),
    Column("bytes", Integer),
    _json("findings", list),
    _text("note"),
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
    Column("site", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("run", ForeignKey("runs.run", ondelete="SET NULL")),
    Column("taken", Instant, nullable=False),
    Column("store", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("files", Integer),
    Column("tables", Integer),
    Column("manifest_sha256", Text, nullable=False),
    Column("verified", Instant),
    Column("removed", Instant),
    Index(None, "site", "taken"),
)

sightings = Table(
    "sightings",
    metadata,
    _key("site"),
    _key("kind"),
    _key("item"),
    _key("version"),
    Column("first_seen", Instant, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("version", Text, nullable=False),
    _text("why"),
    _json("evidence", dict),
    Column("since", Instant, nullable=False),
    Column("lifted", Instant),
    Index(None, "site", "item"),
)

windows = Table(
    "windows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("window", Text, nullable=False),
    Column("client", Text, nullable=False, default=""),
    Column("site", Text, nullable=False, default=""),
    Column("starts", Instant, nullable=False, index=True),
    Column("closes", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text),
    _text("why"),
    Column("recorded", Instant, nullable=False),
    UniqueConstraint("window", "client", "site", "starts"),
)

reports = Table(
    "reports",
    metadata,
    _key("client"),
    _key("period"),
    _key("kind"),
    Column("created", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("html_sha256", Text),
)

deliveries = Table(
    "deliveries",
    metadata,
    _key("message_id"),
    Column("client", Text, nullable=False),
    Column("period", Text, nullable=False),
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
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", Text, nullable=False),
    Column("renewed", Instant, nullable=False),
    Column("released", Instant),
    Column("taken_by", Text),
)
