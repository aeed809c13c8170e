"""What `serve` does all day reads no table from end to end that grows with the history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from runner.apply.session import Session
from runner.load import load_workspace
from runner.record import Ledger
from runner.workflows.notices import CrewNotifier
from runner.workflows.report import send_waiting
from tests.workflows.scheduling import at, scheduler, write

MAIL = "mail: {host: 127.0.0.1, port: 9, from: a@b.example, security: none}\n"
WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00", deadline: 30m}\n'
SUNDAY, TUESDAY = at("2027-01-03 12:00"), at("2027-01-05 02:00")
SMALL = {"schedules", "pauses", "calendars", "websites", "clients", "auto_updates", "CONSTANT"}
"""Tables with a few rows for each site, client and window, and what SQLite calls an empty list."""
NEWEST = re.compile(r"ORDER BY \w+\.id DESC\s+LIMIT")
"""Reads the table by its key, and only one row."""
SCANNED = re.compile(
    r"SCAN (\w+)\b(?! USING (?:COVERING )?INDEX ix_(?:\w*noticed|runs_started))|Seq Scan on (\w+)"
)
"""Queries by `started` read the newest runs and stop at their limit."""


class Queries:
    """The queries of a ledger, each once."""

    def __init__(self, ledger: Ledger) -> None:
        self.found: dict[str, Any] = {}
        self._engine = ledger.store.engine

    @contextmanager
    def recorded(self) -> Iterator[None]:
        def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            if re.match(r"SELECT|UPDATE|DELETE", statement) and not NEWEST.search(statement):
                self.found.setdefault(statement, parameters)

        event.listen(self._engine, "before_cursor_execute", keep)
        try:
            yield
        finally:
            event.remove(self._engine, "before_cursor_execute", keep)

    def scans(self) -> set[str]:
        """Names of tables that a query reads from end to end, with the query."""
        lite = self._engine.dialect.name == "sqlite"
        found = set()
        with self._engine.connect() as connection:
            if not lite:
                connection.exec_driver_sql("SET enable_seqscan = off")
            for statement, parameters in self.found.items():
                words = "EXPLAIN QUERY PLAN" if lite else "EXPLAIN"
                plan = connection.exec_driver_sql(f"{words} {statement}", parameters).fetchall()
                text = "\n".join(str(row[-1]) for row in plan)
                names = {one or other for one, other in SCANNED.findall(text)} - SMALL
                found |= {f"{name}: {statement}" for name in names}
            connection.rollback()
        return found


@pytest.fixture
def folder(tmp_path: Path, ledger_setting: str) -> Path:
    (tmp_path / "sitecrew.yaml").write_text(f"{ledger_setting}{MAIL}")
    return write(tmp_path, WEEKLY, ("acme", "bolt"))


@pytest.mark.both_databases
def test_idle_and_full_ticks_scan_no_history(folder: Path) -> None:
    with scheduler(folder) as process:
        process.tick(SUNDAY)
        queries = Queries(process.ledger)
        with queries.recorded():
            process.tick(SUNDAY + timedelta(seconds=1))
            started = process.tick(TUESDAY)
            process.end(started[0])
            process.tick(TUESDAY + timedelta(seconds=1))
            process.tick(TUESDAY + timedelta(days=7))
            process.ledger.leases.renew(process.session.executor)
            process.ledger.runs.state(started[0])
        assert len(started) == 2
        assert len(queries.found) > 15
        assert queries.scans() == set()


@pytest.mark.both_databases
def test_recovery_notices_and_mail_scan_no_history(folder: Path) -> None:
    with scheduler(folder) as process:
        process.tick(TUESDAY)
    workspace = load_workspace(folder, environ={})
    session = Session(workspace)
    try:
        with scheduler(folder) as process:
            queries = Queries(process.ledger)
            with queries.recorded():
                process.tick(TUESDAY + timedelta(seconds=20))
                notifier = CrewNotifier(process.ledger, lambda: workspace)
                notifier.queue_due(TUESDAY + timedelta(seconds=20))
                list(notifier.send())
                list(send_waiting(workspace, process.ledger))
            assert queries.scans() == set()
    finally:
        session.close()
