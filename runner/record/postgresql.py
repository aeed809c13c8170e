"""A ledger in PostgreSQL. Everything specific to PostgreSQL is in this module and in `postgresql_errors`."""

from __future__ import annotations

import ipaddress
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from runner.errors import LedgerError
from runner.record.database import (
    BUSY_SECONDS,
    Database,
    NoLedgerError,
    old_or_empty,
    stored_revision,
)
from runner.record.postgresql_errors import explained
from runner.record.schema import REVISIONS, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    from sqlalchemy import Connection, Engine, Table

    from runner.model import LedgerAddress

__all__ = ["PostgresDatabase", "connection_parameters", "engine_pool", "name_of", "open_database"]

_LOCK = 0x736974656372
"""Advisory lock of the ledger in its database."""
_POOL, _OVERFLOW = 5, 15
_ENGINE_POOL, _ENGINE_OVERFLOW = 6, 6
"""Connections of the durable engine; it polls with several threads."""
_STATEMENT_SECONDS = 300
_IDLE_SECONDS = 60
_RETRY_SECONDS = 0.5
_DEFAULTS: dict[str, str | int] = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
"""Connection parameters unless the URL has others. `sslmode` is left to the URL and to libpq."""
_SESSION = f"""
SELECT set_config('lock_timeout', '{BUSY_SECONDS:.0f}s', false),
  set_config('statement_timeout', '{_STATEMENT_SECONDS}s', false),
  set_config('idle_in_transaction_session_timeout', '{_IDLE_SECONDS}s', false),
  set_config('TimeZone', 'UTC', false),
  -- after a commit the job is deleted from the host, so the commit must survive a power cut
  CASE current_setting('synchronous_commit')
    WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""  # noqa: S608
_SYNCED_LATER = ", set_config('synchronous_commit', 'off', true)"
_READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_NO_TIMEOUTS = "SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)"


class PostgresDatabase(Database):
    """An open PostgreSQL database."""

    one_writer = False

    def __init__(self, address: LedgerAddress) -> None:
        self._patient = False
        engine = _pool(lambda: _connect(address, patience=BUSY_SECONDS if self._patient else 0))
        super().__init__(engine, name_of(address))

    def wait_for_restarts(self) -> None:
        """From now on, wait for a server that refuses connections, as during a restart."""
        self._patient = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction whose queries all see the same snapshot."""
        with self.engine.connect().execution_options(**_READING) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, synced_later: bool = False, concurrent: bool = False) -> Iterator[Connection]:
        """Open a transaction that holds the ledger's lock: alone, or shared with others if `concurrent`."""
        lock = "pg_advisory_xact_lock_shared" if concurrent else "pg_advisory_xact_lock"
        with self.engine.connect() as connection, connection.begin():
            # Each statement after the lock sees what was committed before: the isolation is READ COMMITTED.
            connection.exec_driver_sql(f"SELECT {lock}({_LOCK}){_SYNCED_LATER if synced_later else ''}")
            yield connection

    def is_exposed(self) -> bool:
        """Return whether rows travel over a network without encryption."""
        with self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            return not (
                raw.pgconn.ssl_in_use or raw.info.host.startswith("/") or _is_loopback(raw.info.hostaddr)
            )

    def check_writable(self) -> None:
        """Nothing to check: a dropped table or database is an error of the next statement."""

    def compact(self) -> None:
        """Rewrite the tables without the deleted rows. Others wait meanwhile, for each table."""
        try:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("SET statement_timeout = 0")
                for table in metadata.sorted_tables:
                    connection.exec_driver_sql(f'VACUUM (FULL) "{table.name}"')
                connection.invalidate()  # drops the setting with the connection
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    def size(self) -> int:
        """Return the bytes of the ledger's tables with their indexes."""
        with self.engine.connect() as connection:
            names = [table.name for table in metadata.sorted_tables]
            sizes = "SELECT sum(pg_total_relation_size(to_regclass(name))) FROM unnest(%s::text[]) AS name"
            return int(connection.exec_driver_sql(sizes, (names,)).scalar() or 0)

    def repack(self, connection: Connection, table: Table, run: str) -> None:
        """Nothing to do: a changed row is a new one anyway."""

    def shrink(self, stopped: Callable[[], bool]) -> None:
        """Nothing to do: autovacuum makes the space of deleted rows available for new ones."""

    def explain(self, error: Exception) -> LedgerError:
        """Convert an error of PostgreSQL to one with a hint, without SQL and without values."""
        return explained(error, self.name)


def open_database(address: LedgerAddress, *, read_only: bool) -> PostgresDatabase:
    """Open a ledger of this code's revision. Create or upgrade its tables if needed.

    Raises:
        NoLedgerError: the database has no tables, and it is opened read-only.
        LedgerError: it cannot be opened, is not a ledger, or was written by a newer or (read-only)
            older Sitecrew.
    """
    database = PostgresDatabase(address)
    try:
        with database.reading() as connection:
            revision = stored_revision(connection, database.name)
        if revision != REVISIONS[-1]:
            if read_only:
                raise _unreadable(database.name, revision)
            _upgrade(database)
    except SQLAlchemyError as error:
        database.close()
        raise database.explain(error) from error
    except LedgerError:
        database.close()
        raise
    database.wait_for_restarts()
    return database


def engine_pool(address: LedgerAddress) -> Engine:
    """Return the connections of the durable engine, which stores its tables in a schema of its own."""
    return _pool(lambda: _connect(address), size=_ENGINE_POOL, overflow=_ENGINE_OVERFLOW)


def name_of(address: LedgerAddress) -> str:
    """Return what messages call the database: its URL without parameters."""
    return address.url.partition("?")[0].replace("postgresql+psycopg", "postgresql")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _unreadable(name: str, revision: str | None) -> LedgerError:
    if revision is None:
        return NoLedgerError(f"there is no ledger in {name}", hint="the first `sitecrew run` creates it")
    return old_or_empty(name, revision)


def _upgrade(database: PostgresDatabase) -> None:
    from runner.record.migrate import upgrade  # Alembic is slow to import and rarely needed

    with database.writing() as connection:
        connection.exec_driver_sql(_NO_TIMEOUTS)
        if stored_revision(connection, database.name) != REVISIONS[-1]:
            upgrade(connection)


def _pool(connect: Callable[[], Any], *, size: int = _POOL, overflow: int = _OVERFLOW) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=overflow,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _: object) -> None:
        raw.execute(_SESSION)
        raw.commit()

    return engine


def _connect(address: LedgerAddress, *, patience: float = 0) -> psycopg.Connection[Any]:
    """Open a connection. For up to `patience` seconds, try again if the server cannot be reached."""
    try:
        import psycopg
    except ImportError as error:
        raise LedgerError(
            "the ledger is in PostgreSQL, but psycopg is not installed",
            hint='install it: pipx inject sitecrew "psycopg[binary]"',
        ) from error

    given = connection_parameters(address)
    deadline = time.monotonic() + patience
    while True:
        try:
            return psycopg.connect(**_DEFAULTS | given)
        except psycopg.OperationalError:
            if time.monotonic() + _RETRY_SECONDS > deadline:
                raise
        time.sleep(_RETRY_SECONDS)  # the server cannot notify a client that it is back


def connection_parameters(address: LedgerAddress) -> dict[str, Any]:
    """Return the parameters of a connection, the password included."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        given = conninfo_to_dict(address.url.replace("postgresql+psycopg://", "postgresql://", 1))
    except ProgrammingError as error:
        raise LedgerError(
            f"ledger {name_of(address)}: {str(error).strip()}", hint="write postgresql://USER@HOST/DB"
        ) from None
    if address.read_password is not None:
        given["password"] = address.read_password()
    given.setdefault("application_name", "sitecrew")
    return given
