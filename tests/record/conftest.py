from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.model import ChangeOutcome, ItemKind, Outcome, StepOutcome
from runner.record import Ledger
from tests.postgresql import both_databases, postgresql
from tests.record.book import create

__all__ = ["postgresql"]

ON_BOTH = {"test_announcements", "test_jobs", "test_care", "test_history", "test_writing_together"}
"""Files whose tests run on PostgreSQL in the normal suite too: there the databases can differ."""

START = datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "work" / ".sitecrew" / "ledger.db"


@pytest.fixture
def database() -> str:
    """The kind of the ledger's database; tests that do not use its file run on both."""
    return "sqlite"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "file" not in metafunc.fixturenames:
        both_databases(metafunc, always=metafunc.module.__name__.rpartition(".")[2] in ON_BOTH)


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest) -> str:
    """The URL of a ledger; on PostgreSQL it has its tables already."""
    if database == "postgresql":
        made: str = request.getfixturevalue("postgresql").ledger()
        return made
    return f"sqlite:///{request.getfixturevalue('file')}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def start() -> datetime:
    return START


@pytest.fixture
def create_run() -> Callable[..., bool]:
    """Create a run of the steps `backup`, `wordpress.plugins` and `shell` on `shop` and `blog`."""

    def create_run(ledger: Ledger, run: str = "r1", started: datetime = START, **other: object) -> bool:
        values = {
            "playbook": "weekly",
            "title": "Weekly patch window",
            "sites": [("shop", "acme", "web1", 0, 0), ("blog", "bolt", "web2", 1, 1)],
            "steps": [
                ("backup", "backup", "backup"),
                ("wordpress.plugins", "wordpress.plugins", "Plugins"),
                ("shell", "shell", "Clear the cache"),
            ],
            "trigger": "manual",
        }
        return create(ledger, "{}", run=run, started=started, **values | other)

    return create_run


@pytest.fixture
def plugins() -> StepOutcome:
    """The outcome of the step `wordpress.plugins`: one plugin changed, one undone."""

    def change(item: str, outcome: Outcome, why: str = "") -> ChangeOutcome:
        return ChangeOutcome(
            item=item,
            kind=ItemKind.PLUGIN,
            from_version="1.0",
            to_version="1.1",
            outcome=outcome,
            why=why,
            title=item.title(),
        )

    return StepOutcome(
        step="wordpress.plugins",
        outcome=Outcome.UNDONE,
        why="slider broke the front page",
        seconds=12.5,
        changes=(change("forms", Outcome.CHANGED), change("slider", Outcome.UNDONE, "white page")),
        output="Updating...\n",
    )
