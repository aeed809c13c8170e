from __future__ import annotations

import pytest

from tests.postgresql import both_databases, postgresql

__all__ = ["postgresql"]


@pytest.fixture
def database() -> str:
    """The kind of the ledger's database."""
    return "sqlite"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    both_databases(metafunc, always=False)


@pytest.fixture
def ledger_setting(database: str, request: pytest.FixtureRequest) -> str:
    """A line of sitecrew.yaml, or nothing."""
    if database == "sqlite":
        return ""
    return f"ledger: {request.getfixturevalue('postgresql').ledger()}\n"
