"""Transactions on the ledger. Writers of one process take turns; the database makes other processes wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from runner.errors import LedgerError
from runner.record.database import BUSY_SECONDS

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable, Table
    from sqlalchemy.dialects import postgresql, sqlite

    from runner.record.database import Database
    from runner.record.operators import Operator

__all__ = ["Records", "Store", "insert_ignoring", "insert_new", "now", "upsert"]


class Store:
    """The open ledger. Safe to use from any thread."""

    def __init__(self, database: Database, *, read_only: bool, operator: Operator) -> None:
        self.database = database
        self.operator = operator
        self.read_only = read_only
        self._write_turn = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine of the database."""
        return self.database.engine

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction: all queries in it see the same snapshot."""
        try:
            with self.database.reading() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self.database.explain(error) from error

    @contextmanager
    def write(self, *, synced_later: bool = False, concurrent: bool = False) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start, so that what it reads stays true.

        Args:
            synced_later: the commit does not wait for the disk, which is most of the cost of a small
                transaction. A power cut may undo it until the next synced one; use it only for what a
                resumed run finds out again.
            concurrent: other `concurrent` transactions may run at the same time, if the database can do
                that. For transactions whose statements decide by themselves (`INSERT ... ON CONFLICT`,
                `UPDATE ... WHERE`), or that first lock the row that they read. Never for acts.
        """
        name = self.database.name
        if self.read_only:
            raise LedgerError(f"ledger {name} is open read-only")
        try:
            with self._turn(concurrent=concurrent and not self.database.one_writer):
                self.database.check_writable()
                with self.database.writing(synced_later=synced_later, concurrent=concurrent) as connection:
                    yield connection
        except SQLAlchemyError as error:
            raise self.database.explain(error) from error

    @contextmanager
    def _turn(self, *, concurrent: bool) -> Iterator[None]:
        """Wait until no other thread of this process writes alone: so few connections wait for the lock."""
        if concurrent:
            yield
            return
        if not self._write_turn.acquire(timeout=BUSY_SECONDS):
            raise LedgerError(
                f"ledger {self.database.name}: could not get the write lock within {BUSY_SECONDS:.0f} s"
            )
        try:
            yield
        finally:
            self._write_turn.release()


class Records:
    """The rows of one subject, such as runs or backups. Base class of everything on `Ledger`."""

    def __init__(self, store: Store) -> None:
        self._store = store


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def upsert(connection: Connection, table: Table, row: Mapping[str, Any], *, key: str) -> None:
    """Insert a row, or update the existing one; `key` names the columns of its key, separated by spaces."""
    statement = _upsert(connection.dialect.name, table, frozenset(row), frozenset(key.split()))
    connection.execute(statement, dict(row))


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key exists; return True if it was inserted."""
    return connection.execute(_insert_new(connection.dialect.name, table), dict(row)).rowcount == 1


def insert_ignoring(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, skipping those whose key exists."""
    connection.execute(_insert_new(connection.dialect.name, table), [dict(row) for row in rows])


@cache
def _upsert(dialect: str, table: Table, names: frozenset[str], key: frozenset[str]) -> Executable:
    insert = _insert(dialect, table)
    values = {name: insert.excluded[name] for name in names - key}
    return insert.on_conflict_do_update(index_elements=sorted(key), set_=values)


@cache
def _insert_new(dialect: str, table: Table) -> Executable:
    return _insert(dialect, table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql

        return insert_into_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert

    return insert(table)
