"""When `serve` prunes, and what it deletes of the engine's rows."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from runner.load import load_workspace
from runner.record import Ledger
from runner.workflows.engine_database import EngineRows
from runner.workflows.pruning import DailyPruning
from tests.record.book import at, work
from tests.workflows.scheduling import scheduler, write

NOW = at(24, 12)
HOUR = timedelta(hours=1)
NEVER = threading.Event()


@dataclass
class Due:
    due: datetime


@dataclass
class Scheduled:
    """The parts of a scheduler and its works that decide whether it is quiet."""

    next_opening: Due | None = None
    in_hand: set[str] = field(default_factory=set)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, "  weekly: {playbook: hello, day: tuesday, at: '02:00'}\n", ("acme",))


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(load_workspace(folder, environ={}).settings.ledger) as opened:
        yield opened


def turn(folder: Path, ledger: Ledger, state: Scheduled, now: datetime) -> bool:
    """Whether it pruned."""
    workspace, parts = load_workspace(folder, environ={}), (state, state)
    pruning = DailyPruning(ledger, *parts, lambda: workspace)  # type: ignore[arg-type]
    with time_machine.travel(now, tick=False):
        return pruning.turn(now, NEVER) is not None


def test_ledger_is_pruned_once_a_day(folder: Path, ledger: Ledger) -> None:
    times = [NOW, NOW + HOUR, NOW + 23 * HOUR, NOW + 25 * HOUR, NOW + 26 * HOUR]
    assert [turn(folder, ledger, Scheduled(), now) for now in times] == [True, False, False, True, False]


@pytest.mark.parametrize("busy", [Scheduled(Due(NOW + 25 * HOUR + HOUR / 4)), Scheduled(in_hand={"r1"})])
def test_pruning_waits_for_a_quiet_time_but_not_for_ever(
    busy: Scheduled, folder: Path, ledger: Ledger
) -> None:
    assert turn(folder, ledger, Scheduled(Due(NOW + HOUR)), NOW)
    assert not turn(folder, ledger, busy, NOW + 25 * HOUR)
    assert turn(folder, ledger, busy, NOW + 49 * HOUR)


def test_clock_that_was_ahead_does_not_prevent_pruning_later(folder: Path, ledger: Ledger) -> None:
    assert turn(folder, ledger, Scheduled(), NOW + 1000 * HOUR)
    assert turn(folder, ledger, Scheduled(), NOW)


def engine_rows(folder: Path) -> tuple[set[str], set[str]]:
    """Ids of workflows, and names of queues."""
    with sqlite3.connect(folder / ".sitecrew/engine.db") as connection:
        found = [
            {row[0] for row in connection.execute(query)}
            for query in ("SELECT workflow_uuid FROM workflow_status", "SELECT name FROM queues")
        ]
    return found[0], found[1]


def test_engine_rows_of_ended_runs_are_deleted(folder: Path, ledger: Ledger) -> None:
    rows: Any = EngineRows(ledger_address := load_workspace(folder, environ={}).settings.ledger)
    assert rows.delete(NOW, keep=frozenset(), alive=frozenset()) == 0
    assert not (folder / ".sitecrew/engine.db").exists()
    from runner.workflows.engine_database import engine_database

    engine_database(ledger_address).migrate()
    now = int(datetime.now(UTC).timestamp() * 1000)
    with sqlite3.connect(folder / ".sitecrew/engine.db") as connection:
        for run, age in (("old", 5), ("open", 5), ("new", 0)):
            for name in (f"run/{run}/1", f"run/{run}/1/shop"):
                values = (name, "SUCCESS", now - age * 86_400_000, now - age * 86_400_000, 0, "sitecrew")
                connection.execute(
                    "INSERT INTO workflow_status (workflow_uuid, status, created_at, updated_at, priority,"
                    " application_name) VALUES (?, ?, ?, ?, ?, ?)",
                    values,
                )
        for name in ("of-dead", "of-alive"):
            connection.execute(
                "INSERT INTO queues (queue_id, name, application_name) VALUES (?, ?, 'sitecrew')",
                (name, name),
            )
    before = datetime.now(UTC) - timedelta(days=2)
    assert rows.delete(before, keep={"open"}, alive={"alive"}) == 2
    workflows, queues = engine_rows(folder)
    assert workflows == {"run/open/1", "run/open/1/shop", "run/new/1", "run/new/1/shop"}
    assert queues == {"of-alive"}


def test_scheduler_ticks_while_another_process_prunes(folder: Path) -> None:
    with scheduler(folder) as process:
        now = NOW - 500 * 24 * HOUR
        with time_machine.travel(now, tick=False):
            for number in range(20):
                work(process.ledger, f"r{number}", now + number * HOUR)
        workspace = process.session.workspace
        done = threading.Event()

        def prune() -> None:
            with Ledger.open(workspace.settings.ledger) as other:
                DailyPruning(other, Scheduled(), Scheduled(), lambda: workspace).turn(NOW, NEVER)  # type: ignore[arg-type]
            done.set()

        thread = threading.Thread(target=prune)
        thread.start()
        while not done.is_set():
            process.tick(NOW)
        thread.join()
        assert sum(1 for run in process.ledger.runs.list() if run.pruned) == 20
