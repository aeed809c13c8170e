"""PostgreSQL for tests: one server for each test process, started when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.postgresql import PostgresServer
from runner.record import Ledger

__all__ = ["BOTH", "Databases", "both_databases", "postgresql"]

BOTH = ("sqlite", "postgresql")


class Databases:
    """Databases of a server. Each is a copy of an empty ledger, or has no tables."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._template = ""

    def empty(self) -> str:
        """Create a database without tables; return its URL."""
        return self.server.url(self.server.create())

    def ledger(self) -> str:
        """Create a database with an empty ledger; return its URL."""
        if not self._template:
            template = self.server.create()
            Ledger.open(self.server.url(template)).close()
            self._template = template
        return self.server.url(self.server.create(self._template))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Databases]:
    """The server of this test process."""
    server = PostgresServer()
    try:
        server.start()
        yield Databases(server)
    finally:
        server.remove()


def both_databases(metafunc: pytest.Metafunc, *, always: bool) -> None:
    """Parametrize `database`. On PostgreSQL, tests are `long` unless `always` or marked `both_databases`."""
    if "database" not in metafunc.fixturenames:
        return
    both = always or metafunc.definition.get_closest_marker("both_databases") is not None
    long = () if both else (pytest.mark.long,)
    metafunc.parametrize("database", ["sqlite", pytest.param("postgresql", marks=long)])
