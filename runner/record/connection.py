"""Connections to the ledger's file. Everything specific to SQLite is in this module."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import QueuePool, create_engine, event, inspect, make_url, select, table
from sqlalchemy import column as sql_column
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from runner.errors import LedgerError
from runner.modes import refuse_shared
from runner.record.schema import REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["FOR_WRITING", "SYNCED_LATER", "explain", "file_of", "open_engine"]

FOR_WRITING = "ledger_for_writing"
"""Execution option: the transaction takes the write lock at its start."""

SYNCED_LATER = "ledger_synced_later"
"""Execution option: the transaction reaches the disk with the next one that does not have this option."""

BUSY_SECONDS = 40.0
_CREATION_SECONDS = 5.0
"""How long a reader waits for another process to create the tables of a new ledger."""
_HINTS = {
    "SQLITE_FULL": "free some disk space, then run `sitecrew resume`",
    "SQLITE_IOERR": "check the disk: `df -h` and `dmesg`",
    "SQLITE_BUSY": "another process locked it for 40 seconds; try again, or stop that process",
    "SQLITE_READONLY": "make the file and its folder writable for this user",
    "SQLITE_CANTOPEN": "check that the file and its folder exist and are readable for this user",
    "SQLITE_NOTADB": "the file is not a ledger: set `ledger:` in sitecrew.yaml to another one",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a copy",
}


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


def open_engine(file: Path, *, read_only: bool) -> Engine:
    """Return an engine for a ledger of this code's revision. Create or upgrade the ledger if needed.

    Read-only: the file is not created or written. SQLite may create its `-wal` and `-shm` files next to
    it, to see concurrent writes. If the file or its folder is read-only, it is opened as immutable instead.

    Raises:
        LedgerError: the file cannot be opened, is not a ledger, or was written by a newer or (read-only)
            older Sitecrew.
    """
    refuse_shared([file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm"))], top=file.parent)
    if read_only:
        return _open_for_reading(file)
    _create(file)
    engine = _engine(file, "mode=rw")
    try:
        with engine.connect() as connection:
            revision = _revision(connection, file)
        if revision is None:
            _use_wal(file)
        if revision != REVISIONS[-1]:
            _upgrade(engine, file)
    except (SQLAlchemyError, sqlite3.Error) as error:
        engine.dispose()
        raise explain(error, file) from error
    except LedgerError:
        engine.dispose()
        raise
    return engine


def explain(error: Exception, file: Path) -> LedgerError:
    """Convert a database error to one with a hint, without SQL and without values."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    hint = next((text for code, text in _HINTS.items() if _code(error).startswith(code)), "")
    message = str(origin).splitlines()[0] if str(origin) else type(origin).__name__
    return LedgerError(f"ledger {file}: {message}", hint=hint)


def _open_for_reading(file: Path) -> Engine:
    if not file.is_file():
        raise LedgerError(f"there is no ledger {file}", hint="the first `sitecrew run PLAYBOOK` creates it")
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
    deadline = time.monotonic() + _CREATION_SECONDS
    try:
        with engine.connect() as connection:
            while (revision := _revision(connection, file)) is None and time.monotonic() < deadline:
                connection.rollback()
                time.sleep(0.05)  # SQLite cannot notify a reader of new tables
    except SQLAlchemyError as error:
        engine.dispose()
        explained = explain(error, file)
        if _code(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise _CannotOpenError(str(explained), hint=explained.hint) from error
        raise explained from error
    except LedgerError:
        engine.dispose()
        raise
    if revision == REVISIONS[-1]:
        return engine
    engine.dispose()
    raise LedgerError(
        f"ledger {file} is empty" if revision is None else f"ledger {file} was written by an older Sitecrew",
        hint="run any command that writes, such as `sitecrew tick`, to upgrade it",
    )


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
    from runner.record.migrate import upgrade  # Alembic is slow to import and rarely needed

    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection:
        with connection.begin():
            if _revision(connection, file) != REVISIONS[-1]:
                upgrade(connection)
        raw: Any = connection.connection.dbapi_connection
        # Merge the tables into the file, so that a copy without the -wal file is a valid ledger.
        raw.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _revision(connection: Connection, file: Path) -> str | None:
    """Return the stored revision, None for a file without tables."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names:
        raise LedgerError(f"{file} is a database, but not a ledger", hint=_HINTS["SQLITE_NOTADB"])
    versions = table("alembic_version", sql_column("version_num"))
    revision: str | None = connection.execute(select(versions.c.version_num)).scalar_one_or_none()
    if revision is not None and revision not in REVISIONS:
        raise LedgerError(
            f"ledger {file} was written by a newer Sitecrew (revision {revision})",
            hint="install that version: `pip install --upgrade sitecrew`",
        )
    return revision


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
