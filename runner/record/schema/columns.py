"""Column types and helpers for the ledger's tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, MetaData, String, TypeDecorator

from runner.record.prose import Document, Prose

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["Instant", "Whole", "instant_text", "json", "key", "metadata", "of_run_site", "text", "website"]


def instant_text(at: datetime) -> str:
    """Format an instant as it is stored: UTC, with microseconds, always 27 characters."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC text of fixed width so that it sorts by time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Convert an aware datetime to `2026-11-24T01:00:00.000000Z`; a naive one raises ValueError."""
        return None if value is None else instant_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert stored text to an aware datetime in UTC."""
        return None if value is None else datetime.fromisoformat(value)


Whole = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of up to 64 bits."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def key(name: str) -> Column[str]:
    """A text column of the primary key."""
    return Column(name, Prose, primary_key=True)


def text(name: str, *, default: str = "") -> Column[str]:
    """A text column that is never NULL."""
    return Column(name, Prose, nullable=False, default=default)


def json(name: str, default: Any) -> Column[Any]:
    """A JSON column that is never NULL."""
    return Column(name, Document, nullable=False, default=default)


def of_run_site() -> ForeignKeyConstraint:
    """The row belongs to a site of a run and is deleted with it."""
    return ForeignKeyConstraint(["run", "site"], ["run_sites.run", "run_sites.site"], ondelete="CASCADE")


def website() -> Column[int]:
    """The website that a row is about. Its name may change or be reused, its id does not."""
    return Column("website", Whole, index=True)
