"""How the columns of all revisions are created in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

__all__ = ["LedgerOnPostgresql"]


class LedgerOnPostgresql(PostgresqlImpl):
    """Columns that compare and count as in SQLite: text by bytes, integers of 64 bits."""

    __dialect__ = "postgresql"

    def create_table(self, table: Table, **options: Any) -> None:
        """Create a table."""
        for column in table.columns:
            column.type = _stored(column.type)
        super().create_table(table, **options)

    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        """Add a column."""
        column.type = _stored(column.type)
        super().add_column(table_name, column, **options)


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(kind, String):
        return type(kind)(kind.length, collation="C")
    return BigInteger() if isinstance(kind, Integer) else kind
