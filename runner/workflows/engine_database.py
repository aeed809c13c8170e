"""The durable engine's tables: in a file next to an SQLite ledger, or in the ledger's PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Set as AbstractSet
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import EngineError

if TYPE_CHECKING:
    from dbos import DBOSClient

    from runner.model import LedgerAddress

__all__ = ["APPLICATION", "SCHEMA", "EngineDatabase", "EngineRows", "engine_database"]

APPLICATION = "sitecrew"
_AT_ONCE = 500
"""Workflows per transaction."""
SCHEMA = "sitecrew_engine"
"""The engine's schema in PostgreSQL."""

_URL = "postgresql+psycopg://"
"""Names the kind of database only; the connections are made by the ledger's code."""


class EngineDatabase(ABC):
    """The engine's database."""

    what: str
    """What messages call it."""
    hint: str
    """What to do if it cannot be written."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the engine's options for this database."""

    @abstractmethod
    def migrate(self) -> None:
        """Create or upgrade the tables."""

    @abstractmethod
    def client(self) -> DBOSClient:
        """Return a client that registers queues."""


def engine_database(ledger: LedgerAddress) -> EngineDatabase:
    """Return the engine's database for a ledger. An SQLite file is created if needed, private to the user."""
    if ledger.is_postgresql:
        return _Schema(ledger)
    file = engine_file(ledger)
    assert file is not None  # noqa: S101  # only PostgreSQL has no file
    return _File(file)


def engine_file(ledger: LedgerAddress) -> Path | None:
    """Return the engine's file, None if its tables are in PostgreSQL."""
    if ledger.is_postgresql:
        return None
    return Path(ledger.url.removeprefix("sqlite:///")).with_name("engine.db")


class _File(EngineDatabase):
    what = "file"
    hint = "is the disk full, or .sitecrew/ not writable? Fix that, then: sitecrew resume"

    def __init__(self, file: Path) -> None:
        _create_private(file)
        self._url = f"sqlite:///{file}"

    def options(self) -> dict[str, Any]:
        connect = {"timeout": 40, "factory": _UnsyncedConnection}
        return {
            "system_database_url": self._url,
            "db_engine_kwargs": {"hide_parameters": True, "connect_args": connect},
        }

    def migrate(self) -> None:
        from dbos import DBOS

        DBOS.migrate(self._url)

    def client(self) -> DBOSClient:
        from dbos import DBOSClient

        return DBOSClient(system_database_url=self._url, application_name=APPLICATION)


class _Schema(EngineDatabase):
    what = f"schema {SCHEMA}"
    hint = "check that PostgreSQL runs and can be reached: `sitecrew doctor`; then: sitecrew resume"

    def __init__(self, ledger: LedgerAddress) -> None:
        from runner.record.postgresql import engine_pool

        self._pool = engine_pool(ledger)

    def options(self) -> dict[str, Any]:
        # No workflow waits for messages, so the engine needs no connection for notifications.
        return {
            "system_database_engine": self._pool,
            "dbos_system_schema": SCHEMA,
            "use_listen_notify": False,
        }

    def migrate(self) -> None:
        # `DBOS.migrate` takes only a URL, which would have to contain the password.
        from dbos._serialization import DefaultSerializer
        from dbos._sys_db import SystemDatabase

        database = SystemDatabase.create(
            system_database_url=_URL,
            engine_kwargs={},
            engine=self._pool,
            schema=SCHEMA,
            serializer=DefaultSerializer(),
            executor_id=None,
            use_listen_notify=False,
        )
        try:
            database.run_migrations()
        finally:
            database.destroy()

    def client(self) -> DBOSClient:
        from dbos import DBOSClient

        return DBOSClient(
            system_database_engine=self._pool, dbos_system_schema=SCHEMA, application_name=APPLICATION
        )


class EngineRows:
    """The engine's rows of runs, which nobody needs once the run has ended."""

    def __init__(self, ledger: LedgerAddress) -> None:
        self._ledger = ledger

    def delete(self, before: datetime, *, keep: AbstractSet[str], alive: AbstractSet[str]) -> int:
        """Delete old workflows and the queues of processes that have ended; return the number of workflows.

        Args:
            before: only workflows that were created before.
            keep: runs whose workflows stay.
            alive: executors whose queues stay.

        Raises:
            EngineError: the database cannot be read or written.
        """
        file = engine_file(self._ledger)
        if file is not None and not file.exists():
            return 0
        database = engine_database(self._ledger)
        try:
            database.migrate()
            client = database.client()
            try:
                for queue in client.list_queues():
                    if queue.name not in {f"of-{executor}" for executor in alive}:
                        client.delete_queue(queue.name)
                return _delete_workflows(client, before, tuple(f"run/{run}/" for run in keep))
            finally:
                client.destroy()
        except Exception as error:
            raise EngineError(
                f"old rows of the engine's {database.what} cannot be deleted", hint=database.hint
            ) from error


def _delete_workflows(client: DBOSClient, before: datetime, keep: tuple[str, ...]) -> int:
    deleted = kept = 0
    while True:
        found = client.list_workflows(
            end_time=before.isoformat(), limit=_AT_ONCE, offset=kept, load_input=False, load_output=False
        )
        old = [one.workflow_id for one in found if not one.workflow_id.startswith(keep)]
        if old:
            client.delete_workflows(old)
        deleted += len(old)
        kept += len(found) - len(old)
        if len(found) < _AT_ONCE:
            return deleted


class _UnsyncedConnection(sqlite3.Connection):
    """Does not wait for the disk: a power cut may lose queue positions, which the ledger has too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA synchronous = NORMAL")


def _create_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path, timeout=40)) as file:
        file.execute("PRAGMA journal_mode=WAL")
