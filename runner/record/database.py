"""An open database with the tables of the ledger, of any kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import Column, MetaData, String, Table, inspect, select

from runner.errors import LedgerError
from runner.record.schema import REVISIONS, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

__all__ = [
    "BUSY_SECONDS",
    "FOR_WRITING",
    "NOT_A_LEDGER",
    "SYNCED_LATER",
    "Database",
    "NoLedgerError",
    "create_tables",
    "old_or_empty",
    "stored_revision",
]

FOR_WRITING = "ledger_for_writing"
"""Execution option: the transaction takes the write lock at its start."""

SYNCED_LATER = "ledger_synced_later"
"""Execution option: the transaction reaches the disk with the next one that does not have this option."""

BUSY_SECONDS = 40.0
"""How long a transaction waits for the write lock or for a free connection."""

_VERSIONS = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table."""

NOT_A_LEDGER = "set `ledger:` in sitecrew.yaml to another one"


class NoLedgerError(LedgerError):
    """A ledger is to be read that was not created yet."""


class Database(ABC):
    """The ledger's database. Safe to use from any thread."""

    one_writer: ClassVar[bool]
    """Whether the database admits only one writing transaction at a time."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        """What messages call it."""

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction whose queries all see the same snapshot."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, synced_later: bool = False, concurrent: bool = False) -> Iterator[Connection]:  # noqa: ARG002
        """Open a transaction that holds the write lock from its start. `concurrent`: see `Store.write`."""
        options = {FOR_WRITING: True, SYNCED_LATER: synced_later}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def is_exposed(self) -> bool:
        """Return whether rows travel over a network without encryption."""
        return False

    @abstractmethod
    def check_writable(self) -> None:
        """Raise LedgerError if rows that are written now would be lost."""

    @abstractmethod
    def compact(self) -> None:
        """Remove the content of deleted rows from the disk."""

    @abstractmethod
    def size(self) -> int:
        """Return the bytes that the ledger takes on the disk."""

    @abstractmethod
    def repack(self, connection: Connection, table: Table, run: str) -> None:
        """Move the rows of a run, which became much shorter, so that their pages are not left half empty."""

    @abstractmethod
    def shrink(self, stopped: Callable[[], bool]) -> None:
        """Return free space to the file system in short transactions; `stopped` is called between them."""

    @abstractmethod
    def explain(self, error: Exception) -> LedgerError:
        """Convert an error of the database to one with a hint, without SQL and without values."""


def create_tables(connection: Connection) -> None:
    """Create the tables in an empty database. Alembic, which also can, takes a tenth of a second more."""
    metadata.create_all(connection)
    _VERSIONS.create(connection)
    connection.execute(_VERSIONS.insert(), {"version_num": REVISIONS[-1]})


def stored_revision(connection: Connection, name: str) -> str | None:
    """Return the revision of the ledger's tables, None if there are no tables.

    Raises:
        LedgerError: the tables are not those of a ledger, or of a newer Sitecrew.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names:
        raise LedgerError(f"{name} is a database, but not a ledger", hint=NOT_A_LEDGER)
    revision: str | None = connection.execute(select(_VERSIONS.c.version_num)).scalar_one_or_none()
    if revision is not None and revision not in REVISIONS:
        raise LedgerError(
            f"ledger {name} was written by a newer Sitecrew (revision {revision})",
            hint="install that version: `pip install --upgrade sitecrew`",
        )
    return revision


def old_or_empty(name: str, revision: str | None) -> LedgerError:
    """Return the error for a ledger that must be upgraded before it can be read."""
    return LedgerError(
        f"ledger {name} is empty" if revision is None else f"ledger {name} was written by an older Sitecrew",
        hint="run any command that writes, such as `sitecrew tick`, to upgrade it",
    )
