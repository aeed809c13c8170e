"""What only a server can do: locks between processes, lost connections, passwords, snapshots."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from lab.postgresql import WITH_PASSWORD
from lab.shell import until
from runner.errors import LedgerError
from runner.model import LedgerAddress
from runner.record import Ledger
from runner.record.database import NoLedgerError
from runner.record.migrate import upgrade
from runner.record.postgresql import PostgresDatabase
from runner.record.schema import REVISIONS, metadata
from tests.postgresql import Databases

PASSWORD = "correct horse"
MAX_SECONDS = 60


@pytest.fixture
def url(postgresql: Databases) -> str:
    return postgresql.ledger()


@pytest.fixture
def other(url: str) -> Iterator[Ledger]:
    with Ledger.open(url) as opened:
        yield opened


def is_waiting(ledger: Ledger) -> bool:
    """Return whether a session waits for the ledger's lock."""
    with ledger.store.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.execute(text(query)).scalar())


@pytest.mark.parametrize(
    "since", [pytest.param(one, marks=pytest.mark.long) for one in REVISIONS[:-1]] + ["0008"]
)
def test_ledger_of_each_revision_is_upgraded(postgresql: Databases, since: str):
    url = postgresql.empty()
    database = PostgresDatabase(LedgerAddress(url))
    with database.writing() as connection:
        upgrade(connection, since)
    database.close()
    with Ledger.open(url) as ledger, ledger.store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_text_is_compared_by_bytes_and_integers_have_64_bits(ledger: Ledger):
    query = """
        SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'alembic_version'
        AND (data_type IN ('integer', 'smallint')
            OR data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C')"""
    with ledger.store.read() as connection:
        assert connection.execute(text(query)).scalars().all() == []


def test_transaction_that_reads_makes_all_writers_wait(ledger: Ledger, other: Ledger):
    other.leases.acquire("e1", host="here", pid=1, process_start="0")
    with ThreadPoolExecutor(1) as pool:
        with ledger.store.write():
            renewing = pool.submit(other.leases.renew, "e1")
            until(lambda: is_waiting(ledger), "the other writer to wait")
            assert not renewing.done()
        assert renewing.result(MAX_SECONDS)


def test_concurrent_writers_do_not_wait_for_each_other(ledger: Ledger, other: Ledger):
    other.leases.acquire("e1", host="here", pid=1, process_start="0")
    with ledger.store.write(concurrent=True), ThreadPoolExecutor(1) as pool:
        assert pool.submit(other.leases.renew, "e1").result(MAX_SECONDS)


def test_reader_sees_one_snapshot(ledger: Ledger, other: Ledger):
    count = text("SELECT count(*) FROM leases")
    with ledger.store.read() as connection:
        assert connection.execute(count).scalar() == 0
        other.leases.acquire("e1", host="here", pid=1, process_start="0")
        assert connection.execute(count).scalar() == 0


def test_reader_cannot_write(ledger: Ledger):
    with pytest.raises(LedgerError, match="read-only transaction"), ledger.store.read() as connection:
        connection.execute(text("DELETE FROM leases"))


@pytest.mark.parametrize("server", ["on", "off", "remote_apply"])
def test_only_later_commits_do_not_wait_for_the_disk(postgresql: Databases, url: str, server: str):
    name = url.partition("?")[0].rpartition("/")[2]
    postgresql.server.sql(f"ALTER DATABASE {name} SET synchronous_commit = {server}")
    with Ledger.open(url) as ledger:
        found = []
        for later in (True, False):
            with ledger.store.write(synced_later=later) as connection:
                found.append(connection.execute(text("SHOW synchronous_commit")).scalar())
    assert found == ["off", "on" if server == "off" else server]


def kill_session(ledger: Ledger) -> None:
    """Write a row, and kill the server's process before the commit."""
    with ledger.store.write() as connection:
        connection.execute(text("UPDATE leases SET pid = 2"))
        os.kill(connection.execute(text("SELECT pg_backend_pid()")).scalar_one(), signal.SIGKILL)
        for _ in range(2):  # the server may still answer the first one
            connection.execute(text("UPDATE leases SET pid = 3"))


def test_killed_session_loses_its_transaction_only(ledger: Ledger):
    ledger.leases.acquire("e1", host="here", pid=1, process_start="0")
    with pytest.raises(LedgerError) as caught:
        kill_session(ledger)
    assert "sitecrew" in caught.value.hint
    assert ledger.leases.renew("e1")
    assert [lease.pid for lease in ledger.leases.list_valid()] == [1]


@pytest.mark.parametrize("mode", ["immediate", pytest.param("fast", marks=pytest.mark.long)])
def test_open_ledger_waits_for_restarting_server(postgresql: Databases, ledger: Ledger, mode: str):
    ledger.leases.acquire("e1", host="here", pid=1, process_start="0")
    postgresql.server.stop(mode)
    with ThreadPoolExecutor(1) as pool:
        try:
            renewing = pool.submit(ledger.leases.renew, "e1")
        finally:
            postgresql.server.start()
        assert renewing.result(MAX_SECONDS)


def test_wrong_password_is_not_in_the_message(postgresql: Databases, url: str):
    server = postgresql.server
    with suppress(Exception):
        server.sql(f"CREATE ROLE {WITH_PASSWORD} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    url = url.replace("sitecrew@", f"{WITH_PASSWORD}@", 1)
    for given in (f"not {PASSWORD}", None):
        read = None if given is None else given.__str__
        with pytest.raises(LedgerError) as caught:
            Ledger.open(LedgerAddress(url, read_password=read))
        assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.hint}"
        assert "ledger.password" in caught.value.hint
    Ledger.open(LedgerAddress(url, read_password=PASSWORD.__str__)).close()


def test_password_is_found_as_by_libpq(postgresql: Databases, url: str, monkeypatch: pytest.MonkeyPatch):
    with suppress(Exception):
        postgresql.server.sql(f"CREATE ROLE {WITH_PASSWORD} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    Ledger.open(url.replace("sitecrew@", f"{WITH_PASSWORD}@", 1)).close()


def test_sslmode_of_the_url_is_not_weakened():
    """A server without TLS gets the request for TLS and nothing else: no user name, no password."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def refuse_tls() -> bytes:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(MAX_SECONDS)
                request = connection.recv(8)
                connection.sendall(b"N")
                return request[8:] + connection.recv(100)

        after = pool.submit(refuse_tls)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        url = f"postgresql://sitecrew@{address}/ledger?sslmode=require&gssencmode=disable"
        with pytest.raises(LedgerError, match="does not support SSL") as caught:
            Ledger.open(url)
        assert "sslmode" in caught.value.hint
        assert after.result(MAX_SECONDS) == b""


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("postgresql://sitecrew@127.0.0.1:9/x", "refused", "doctor"),
        ("postgresql://sitecrew@/none?host={folder}", "does not exist", "createdb"),
        ("postgresql://sitecrew@/x?colour=red", "invalid URI query parameter", "USER@HOST"),
    ],
)
def test_failed_connection_has_a_hint(postgresql: Databases, address: str, message: str, hint: str):
    with pytest.raises(LedgerError, match=message) as caught:
        Ledger.open(address.format(folder=postgresql.server.folder))
    assert hint in caught.value.hint


def test_database_without_tables_is_only_created_by_writers(postgresql: Databases):
    url = postgresql.empty()
    with pytest.raises(NoLedgerError):
        Ledger.open(url, read_only=True)
    Ledger.open(url).close()
    Ledger.open(url, read_only=True).close()


def test_foreign_database_is_refused(postgresql: Databases):
    url = postgresql.empty()
    postgresql.server.sql("CREATE TABLE songs (name text)", url.partition("?")[0].rpartition("/")[2])
    with pytest.raises(LedgerError, match="not a ledger"):
        Ledger.open(url)


def test_erased_rows_are_removed_from_the_disk(ledger: Ledger):
    ledger.leases.acquire("e1", host="here", pid=1, process_start="0")
    ledger.store.database.compact()
    assert ledger.leases.renew("e1")
