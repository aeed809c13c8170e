"""A PostgreSQL server on a socket of its own, for tests; its data is lost when it is stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg

from lab.shell import LabError, until

__all__ = ["WITH_PASSWORD", "PostgresServer", "programs"]

_USER = "sitecrew"
WITH_PASSWORD = "guarded"
"""The one user, once a test creates it, that must have a password."""
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "listen_addresses": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
}


def programs() -> Path | None:
    """Return the folder of the newest installed server's programs, None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return found[-1] if found else None


class PostgresServer:
    """A server in a new folder under /tmp. It never runs as root."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise LabError("no PostgreSQL server is installed: apt-get install postgresql")
        self._programs = found
        self.folder = Path(tempfile.mkdtemp(prefix="sitecrew-postgresql-"))
        self._names = (f"ledger_{number}" for number in count(1))
        self._server: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        # ICU: an order of text that differs from that of bytes, on machines without other locales too
        locale = ["--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en", "--locale=C"]
        self._run("initdb", "-D", self._data, "-U", _USER, "--auth=trust", "--no-sync", *locale)
        access = Path(self._data) / "pg_hba.conf"
        access.write_text(f"local all {WITH_PASSWORD} scram-sha-256\n{access.read_text()}")

    @property
    def _postgres(self) -> str:
        return str(self._programs / "postgres")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        """Start the server and wait until it accepts connections. It ends with the thread that started it."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            argv = [self._postgres, "-D", self._data, "-k", str(self.folder), *settings]
            self._server = subprocess.Popen(
                ["/usr/bin/setpriv", "--pdeathsig", "QUIT", *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user(),
                group=self._user(),
            )
        until(self._answers, seconds=30, what="PostgreSQL to answer")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server: `immediate` as in a crash, `fast` ends its sessions with a message."""
        if self._server is None:
            return
        self._server.send_signal({"immediate": 3, "fast": 2}[mode])
        self._server.wait(timeout=60)
        self._server = None

    def remove(self) -> None:
        """Stop the server and delete its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder.parent / f"{self.folder.name}.log").unlink(missing_ok=True)

    def url(self, database: str, user: str = _USER) -> str:
        """Return the URL of a database."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def create(self, template: str = "template0", name: str = "") -> str:
        """Create a database, from a template that nobody is connected to; return its name."""
        name = name or next(self._names)
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, even if there are connections to it."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Execute a statement as the owner of the server; return the rows, if it has any."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the owner of the server."""
        return psycopg.connect(host=str(self.folder), user=_USER, dbname=database, autocommit=True)

    def _answers(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise LabError("PostgreSQL did not start")
        with suppress(psycopg.OperationalError), self.connect():
            return True
        return False

    def _run(self, program: str, *arguments: str) -> None:
        argv, user = [str(self._programs / program), *arguments], self._user()
        subprocess.run(argv, check=True, capture_output=True, cwd="/", user=user, group=user)

    def _user(self) -> str | None:
        return "postgres" if os.geteuid() == 0 else None
