"""Transactions on the ledger. Writers of one process take turns; other processes are waited for by SQLite."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from runner.errors import LedgerError
from runner.record.engine import BUSY_SECONDS, FOR_WRITING, SYNCED_LATER, explain

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine, Executable, Table

    from runner.record.operators import Operator

__all__ = ["Store", "insert_ignoring", "insert_new", "now", "upsert"]


class Store:
    """The open ledger, as every group of queries sees it. Any thread may use it."""

    def __init__(self, engine: Engine, file: Path, *, read_only: bool, operator: Operator) -> None:
        self.file = file
        self.operator = operator
        self.read_only = read_only
        self._engine = engine
        self._turn = threading.Lock()
        self._inode = file.stat().st_ino

    def close(self) -> None:
        """Give the connections back; the last one merges the write-ahead log into the file."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """One snapshot for all queries inside."""
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise explain(error, self.file) from error

    @contextmanager
    def _write(self, *, synced_later: bool = False) -> Iterator[Connection]:
        """One transaction that holds the write lock from its start: what it reads stays true.

        With `synced_later` a power cut may undo it, until the next transaction without: for what is found out
        again when the run is resumed. Waiting for the disk is most of what a small transaction costs.
        """
        if self.read_only:
            raise LedgerError(f"ledger {self.file} was opened for reading only")
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise LedgerError(f"ledger {self.file}: no turn to write within {BUSY_SECONDS:.0f} s")
        options = {FOR_WRITING: True, SYNCED_LATER: synced_later}
        try:
            self._check_that_it_is_there()
            with (
                self._engine.connect().execution_options(**options) as connection,
                connection.begin(),
            ):
                yield connection
        except SQLAlchemyError as error:
            raise explain(error, self.file) from error
        finally:
            self._turn.release()

    def _vacuum(self) -> None:
        """Write the file anew, without what was deleted, and empty its log."""
        with self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            try:
                raw.execute("VACUUM")
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise explain(error, self.file) from error

    def _check_that_it_is_there(self) -> None:
        # An open file that was deleted or replaced would swallow every row without an error.
        try:
            there = self.file.stat().st_ino == self._inode
        except OSError:
            there = False
        if not there:
            raise LedgerError(
                f"ledger {self.file} was deleted or replaced while in use",
                hint="put it back and start this command again",
            )


def now() -> datetime:
    """The instant at which nobody named one."""
    return datetime.now(UTC)


def upsert(connection: Connection, table: Table, row: Mapping[str, Any], *, key: str) -> None:
    """Insert a row, or give its values to the one that is there; `key` names the columns of its key."""
    statement = _upsert(connection.dialect.name, table, frozenset(row), frozenset(key.split()))
    connection.execute(statement, dict(row))


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with a key of it is there; True when it was inserted."""
    return connection.execute(_insert_new(connection.dialect.name, table), dict(row)).rowcount == 1


def insert_ignoring(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows at once, but those with a key that is there."""
    connection.execute(_insert_new(connection.dialect.name, table), [dict(row) for row in rows])


@cache
def _upsert(dialect: str, table: Table, names: frozenset[str], key: frozenset[str]) -> Executable:
    insert = _insert(dialect, table)
    values = {name: insert.excluded[name] for name in names - key}
    return insert.on_conflict_do_update(index_elements=sorted(key), set_=values)


@cache
def _insert_new(dialect: str, table: Table) -> Executable:
    return _insert(dialect, table).on_conflict_do_nothing()


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
