"""MariaDB: one server a fleet, on a socket and a TCP port of its own."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from lab.shell import run

if TYPE_CHECKING:
    from pathlib import Path

    from lab.processes import Processes

__all__ = ["Database"]


class Database:
    """A MariaDB server whose files lie in `folder`; root of this machine is its root."""

    def __init__(self, folder: Path, address: str, port: int, processes: Processes) -> None:
        self.folder = folder
        self.address = address
        self.port = port
        self.processes = processes

    @property
    def socket(self) -> Path:
        """Where clients on this machine connect."""
        return self.folder / "mariadb.sock"

    def start(self) -> bool:
        """Starts the server, with a fresh data folder where there is none. Returns whether it was started."""
        self._prepare()
        # Without syncing to disk: what is lost when the machine goes down is rebuilt, and a reset is quick.
        argv = [
            "/usr/sbin/mariadbd",
            "--no-defaults",
            "--user=mysql",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.socket}",
            f"--bind-address={self.address}",
            f"--port={self.port}",
            f"--pid-file={self.folder / 'data/mariadb.pid'}",
            "--skip-name-resolve",
            "--innodb-flush-method=nosync",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-log-file-size=32M",
            "--innodb-buffer-pool-size=96M",
            "--innodb-buffer-pool-dump-at-shutdown=0",
            "--innodb-fast-shutdown=2",
        ]
        return self.processes.start("mariadb", argv, ready=self._answers, seconds=60)

    def make(self, name: str, password: str) -> None:
        """An empty database and a user of the same name that may do anything in it."""
        quoted = "'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'"
        users = [f"'{name}'@'localhost'", f"'{name}'@'127.%'"]
        self.sql(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4;")
        for user in users:
            self.sql(
                f"CREATE OR REPLACE USER {user} IDENTIFIED BY {quoted}; GRANT ALL ON {name}.* TO {user};"
            )

    def replace(self, name: str, dump: bytes) -> None:
        """Puts a database back to a dump; tables that came since are gone."""
        fresh = (
            f"DROP DATABASE IF EXISTS {name};\nCREATE DATABASE {name} CHARACTER SET utf8mb4;\nUSE {name};\n"
        )
        self._client(fresh.encode() + dump)

    def dump(self, name: str) -> bytes:
        """The tables of a database as SQL."""
        return run(
            "mariadb-dump",
            "--no-defaults",
            "-S",
            self.socket,
            "--single-transaction",
            "--skip-dump-date",
            name,
        ).encode()

    def sql(self, text: str, database: str = "") -> str:
        """Runs SQL as root. Returns rows as lines of tab-separated values, without headings."""
        return self._client(text.encode(), database)

    def sql_as(self, user: str, text: str, database: str) -> str:
        """The same as a user without a password."""
        return self._client(text.encode(), database, "-u", user)

    def _client(self, text: bytes, database: str = "", *more: str) -> str:
        options: tuple[str | Path, ...] = (
            *("--no-defaults", "--skip-column-names", "--batch", "-S"),
            self.socket,
        )
        return run("mariadb", *options, *more, *filter(None, [database]), stdin=text)

    def _prepare(self) -> None:
        data = self.folder / "data"
        if data.is_dir():
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        shutil.chown(self.folder, "mysql", "mysql")
        shutil.chown(fresh, "mysql", "mysql")
        run(
            "mariadb-install-db",
            "--no-defaults",
            "--user=mysql",
            f"--datadir={fresh}",
            "--skip-test-db",
            "--auth-root-authentication-method=socket",
            "--innodb-flush-method=nosync",
            "--innodb-log-file-size=32M",
        )
        fresh.rename(data)

    def _answers(self) -> bool:
        argv = ["mariadb-admin", "--no-defaults", "-S", str(self.socket), "ping"]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
