"""A ledger in an SQLite file. Everything specific to SQLite is in this module."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from runner.errors import LedgerError
from runner.modes import refuse_shared
from runner.record.database import (
    BUSY_SECONDS,
    FOR_WRITING,
    NOT_A_LEDGER,
    SYNCED_LATER,
    Database,
    NoLedgerError,
    create_tables,
    old_or_empty,
    stored_revision,
)
from runner.record.schema import REVISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine, Table

__all__ = ["file_of", "open_file"]

_CREATION_SECONDS = 5.0
"""How long a reader waits for another process to create the tables of a new ledger."""
_INCREMENTAL = 2
"""The mode of `auto_vacuum` in which free pages are returned when asked."""
_PAGES_AT_ONCE = 500
_SMALL = 200_000_000
"""Bytes of a file that is rewritten in a few seconds."""
_HINTS = {
    "SQLITE_FULL": "free some disk space, then run `sitecrew resume`",
    "SQLITE_IOERR": "check the disk: `df -h` and `dmesg`",
    "SQLITE_BUSY": "another process locked it for 40 seconds; try again, or stop that process",
    "SQLITE_READONLY": "make the file and its folder writable for this user",
    "SQLITE_CANTOPEN": "check that the file and its folder exist and are readable for this user",
    "SQLITE_NOTADB": f"the file is not a ledger: {NOT_A_LEDGER}",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a copy",
}


class SqliteFile(Database):
    """An open SQLite file."""

    one_writer = True

    def __init__(self, engine: Engine, file: Path) -> None:
        super().__init__(engine, str(file))
        self._file = file
        self._inode = file.stat().st_ino

    def check_writable(self) -> None:
        """Raise LedgerError if the file was deleted or replaced: writes to it would be lost silently."""
        try:
            unchanged = self._file.stat().st_ino == self._inode
        except OSError:
            unchanged = False
        if not unchanged:
            raise LedgerError(
                f"ledger {self._file} was deleted or replaced while in use",
                hint="restore the file and run this command again",
            )

    def compact(self) -> None:
        """Rewrite the file without the deleted rows, and empty the write-ahead log."""
        with self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            try:
                _rewrite(raw)
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise self.explain(error) from error

    def size(self) -> int:
        """Return the bytes of the file."""
        return self._file.stat().st_size

    def repack(self, connection: Connection, table: Table, run: str) -> None:
        """Move the rows of a run to the end of their table. New rows would not fill the gaps between them."""
        lowest = f"(SELECT min(rowid) FROM {table.name} WHERE run = ?)"  # noqa: S608  # names of our own
        highest = f"(SELECT max(rowid) FROM {table.name})"  # noqa: S608
        connection.exec_driver_sql(
            f"UPDATE {table.name} SET rowid = rowid - {lowest} + {highest} + 1 WHERE run = ?",  # noqa: S608
            (run, run),
        )

    def shrink(self, stopped: Callable[[], bool]) -> None:
        """Return free pages to the file system, a few megabytes in each transaction.

        A small file of an earlier version is rewritten once, so that this is possible; a large one only by
        `compact`, since writers wait meanwhile.
        """
        with self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            try:
                shrinks = _pragma(raw, "auto_vacuum") == _INCREMENTAL
                if not shrinks and self.size() <= _SMALL:
                    _rewrite(raw)
                while shrinks and _has_much_free(raw) and not stopped():
                    raw.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise self.explain(error) from error

    def explain(self, error: Exception) -> LedgerError:
        """Convert an error of SQLite to one with a hint, without SQL and without values."""
        return _explain(error, self._file)


def _rewrite(raw: sqlite3.Connection) -> None:
    """Rewrite the file without free pages, in the mode in which it can shrink later."""
    raw.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    raw.execute("VACUUM")


def _has_much_free(raw: sqlite3.Connection) -> bool:
    """Whether more than a twentieth of the pages are free; as many are soon used again."""
    return _pragma(raw, "freelist_count") * 20 > _pragma(raw, "page_count")


def _pragma(raw: sqlite3.Connection, name: str) -> int:
    return int(raw.execute(f"PRAGMA {name}").fetchone()[0])


class _CannotOpenError(LedgerError):
    """SQLite could not open the files that it needs next to the ledger."""


def file_of(url: str) -> Path:
    """Return the absolute path of the file in a `sqlite:///PATH` URL.

    Raises:
        LedgerError: the URL is of another kind.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise LedgerError(f"{_without_secrets(url)!r} is not the URL of a ledger", hint="use sqlite:///PATH")
    if parsed.database == ":memory:":
        raise LedgerError("the ledger cannot be in memory", hint="use sqlite:///PATH")
    return Path(parsed.database).absolute()


def open_file(file: Path, *, read_only: bool) -> SqliteFile:
    """Open a ledger of this code's revision. Create or upgrade it if needed.

    Read-only: the file is not created or written. SQLite may create its `-wal` and `-shm` files next to
    it, to see concurrent writes. If the file or its folder is read-only, it is opened as immutable instead.

    Raises:
        LedgerError: the file cannot be opened, is not a ledger, or was written by a newer or (read-only)
            older Sitecrew.
    """
    refuse_shared([file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm"))], top=file.parent)
    if read_only:
        return SqliteFile(_open_for_reading(file), file)
    _create(file)
    engine = _engine(file, "mode=rw")
    try:
        with engine.connect() as connection:
            revision = stored_revision(connection, str(file))
        if revision is None:
            _use_wal(file)
        if revision != REVISIONS[-1]:
            _upgrade(engine, file)
    except (SQLAlchemyError, sqlite3.Error) as error:
        engine.dispose()
        raise _explain(error, file) from error
    except LedgerError:
        engine.dispose()
        raise
    return SqliteFile(engine, file)


def _explain(error: Exception, file: Path) -> LedgerError:
    origin = error.orig if isinstance(error, DBAPIError) else error
    hint = next((text for code, text in _HINTS.items() if _code(error).startswith(code)), "")
    message = str(origin).splitlines()[0] if str(origin) else type(origin).__name__
    return LedgerError(f"ledger {file}: {message}", hint=hint)


def _open_for_reading(file: Path) -> Engine:
    if not file.is_file():
        raise NoLedgerError(f"there is no ledger {file}", hint="the first `sitecrew run PLAYBOOK` creates it")
    merged = _is_wal_empty(file)
    if merged and file.stat().st_mode & 0o222 == 0:
        return _checked(_engine(file, "mode=ro&immutable=1"), file)
    try:
        return _checked(_engine(file, "mode=ro"), file)
    except _CannotOpenError as error:
        if merged:
            return _checked(_engine(file, "mode=ro&immutable=1"), file)
        raise LedgerError(
            f"ledger {file}: its latest rows are in {file.name}-wal,"
            " which cannot be read in a read-only folder",
            hint="copy both files to a writable folder and read them there",
        ) from error


def _checked(engine: Engine, file: Path) -> Engine:
    """Return the engine if the ledger has this code's revision, else close it and raise LedgerError."""
    deadline, name = time.monotonic() + _CREATION_SECONDS, str(file)
    try:
        with engine.connect() as connection:
            while (revision := stored_revision(connection, name)) is None and time.monotonic() < deadline:
                connection.rollback()
                time.sleep(0.05)  # SQLite cannot notify a reader of new tables
    except SQLAlchemyError as error:
        engine.dispose()
        explained = _explain(error, file)
        if _code(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise _CannotOpenError(str(explained), hint=explained.hint) from error
        raise explained from error
    except LedgerError:
        engine.dispose()
        raise
    if revision == REVISIONS[-1]:
        return engine
    engine.dispose()
    raise old_or_empty(str(file), revision)


def _engine(file: Path, parameters: str) -> Engine:
    address = f"file:{quote(str(file))}?{parameters}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=96,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get(FOR_WRITING, False):
            connection.exec_driver_sql("BEGIN")
            return
        # After a commit the job is deleted from the host, so the commit must survive a power cut.
        # NORMAL does not guarantee that in WAL mode.
        raw: Any = connection.connection.dbapi_connection
        raw.execute(f"PRAGMA synchronous = {'NORMAL' if options.get(SYNCED_LATER) else 'FULL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _create(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.parent.name == ".sitecrew" and file.parent.stat().st_mode & 0o077:
            file.parent.chmod(0o700)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise LedgerError(
            f"ledger {file}: {error.strerror or error}", hint=_HINTS["SQLITE_READONLY"]
        ) from error


def _use_wal(file: Path) -> None:
    """Switch a new file to write-ahead logging. Retry, because SQLite does not wait for locks here."""
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        deadline = time.monotonic() + BUSY_SECONDS
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")  # before the first page is written
        while True:
            try:
                if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                    return
                raise LedgerError(
                    f"ledger {file}: the disk does not support write-ahead logging",
                    hint="move the ledger to a local disk",
                )
            except sqlite3.OperationalError as error:
                if (
                    not _code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
                    or time.monotonic() > deadline
                ):
                    raise
                time.sleep(0.02)


def _upgrade(engine: Engine, file: Path) -> None:
    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection:
        with connection.begin():
            revision = stored_revision(connection, str(file))
            if revision is None:
                create_tables(connection)
            elif revision != REVISIONS[-1]:
                from runner.record.migrate import upgrade  # Alembic is slow to import and rarely needed

                upgrade(connection)
        raw: Any = connection.connection.dbapi_connection
        # Merge the tables into the file, so that a copy without the -wal file is a valid ledger.
        raw.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _is_wal_empty(file: Path) -> bool:
    """Return whether the file alone is the whole ledger: no commits are left in the write-ahead log."""
    log = file.with_name(file.name + "-wal")
    return not log.exists() or log.stat().st_size == 0


def _code(error: Exception) -> str:
    """Return SQLite's name of an error, empty for other errors."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlite_errorname", "") or ""


def _without_secrets(url: str) -> str:
    return url if "@" not in url else f"{url.split('://', 1)[0]}://***@{url.rsplit('@', 1)[1]}"
