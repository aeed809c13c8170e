"""Ledgers of every earlier revision, with rows in every table, are upgraded and read completely.

The fixtures were made by the code of their revision (`old_ledger.py`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Connection, MetaData, insert, null, select, text

from runner.inspect.windows import recorded_schedule
from runner.load import thaw
from runner.model import LedgerAddress, Outcome, Period, State
from runner.record import ApprovalState, DeliveryState, Ledger, WindowState
from runner.record.migrate import upgrade
from runner.record.postgresql import PostgresDatabase
from runner.record.schema import REVISIONS, metadata
from tests.record.old_ledger import INTERRUPTED, UNDOING, UNDONE

FIXTURES = Path(__file__).parent / "fixtures"
FOUND = tuple(sorted(file.stem for file in FIXTURES.iterdir()))
ACTS, AUTO_UPDATES, UNVERIFIED, SCHEDULES, UNDOES = "0004", "0006", "0007", "0008", "0009"
HOLDS_BY_HAND, PAUSES, NOTICES = "0011", "0012", "0013"
SUMMARIES, ANNOUNCEMENTS, APPROVALS = "0014", "0016", "0017"
"""The revisions that added these."""
FIRST_ON_POSTGRESQL = "0013"
REPLACED = {"sightings": {"site"}, "deliveries": {"noticed"}, "windows": {"noticed"}}
"""Columns that a migration replaces or fills."""
NOVEMBER = Period.parse("2026-11").instants("UTC")

Rows = dict[str, list[dict[str, Any]]]


def day(number: int, hour: int = 1, minute: int = 0) -> datetime:
    return datetime(2026, 11, number, hour, minute, tzinfo=UTC)


@dataclass(frozen=True)
class Upgraded:
    """A ledger that was upgraded, and what it was before."""

    since: str
    rows: Rows
    ledger: Ledger


def restore(since: str, file: str) -> Rows:
    """Restore the fixture of a revision to a file; return its rows."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((FIXTURES / f"{since}.sql").read_text())
        connection.row_factory = sqlite3.Row
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')]  # noqa: S608
            for (name,) in names
        }


def restore_to_postgresql(url: str, since: str, rows: Rows) -> None:
    """Create the tables of a revision in PostgreSQL, with these rows."""
    database = PostgresDatabase(LedgerAddress(url))
    with database.writing() as connection:
        upgrade(connection, since)
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in rows[table.name] if table.name != "alembic_version" else ():
                values = {name: _value(table.c[name].type, value) for name, value in row.items()}
                connection.execute(insert(table).values(values))
            if "id" in table.c and rows.get(table.name) and table.name != "acts":
                sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                connection.execute(text(f"SELECT setval({sequence}, (SELECT max(id) FROM {table.name}))"))  # noqa: S608
    database.close()


def _value(kind: Any, value: Any) -> Any:
    if value is None:
        return null()
    if isinstance(kind, Boolean):
        return bool(value)
    return json.loads(value) if kind.__visit_name__.lower() == "json" else value


def ledgers() -> Iterator[Any]:
    for since in FOUND:
        yield pytest.param(("sqlite", since), id=since)
    for since in FOUND:
        marks = (pytest.mark.long,) if since < FIRST_ON_POSTGRESQL else ()
        yield pytest.param(("postgresql", since), id=f"{since}-postgresql", marks=marks)


@pytest.fixture(scope="module", params=ledgers())
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    kind, since = request.param
    file = tmp_path_factory.mktemp("old") / "ledger.db"
    rows, url = restore(since, str(file)), f"sqlite:///{file}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql").empty()
        restore_to_postgresql(url, since, rows)
    with Ledger.open(url) as ledger:
        yield Upgraded(since, rows, ledger)


def test_fixtures_have_rows_in_every_table():
    """The current revision needs its fixture when the next one is added; CONTRIBUTING.md says how."""
    assert FOUND in {REVISIONS, REVISIONS[:-1]}
    for since in FOUND:
        rows = restore(since, ":memory:")
        assert rows["alembic_version"] == [{"version_num": since}]
        assert [name for name, found in rows.items() if not found] == []
        assert since != REVISIONS[-1] or set(rows) == {*metadata.tables, "alembic_version"}


def test_tables_are_those_of_a_new_ledger(upgraded: Upgraded):
    with upgraded.ledger.store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_no_stored_value_is_lost(upgraded: Upgraded):
    with upgraded.ledger.store.read() as connection:
        for name, before in upgraded.rows.items():
            if name == "alembic_version":
                continue
            kept = [column for column in before[0] if column not in REPLACED.get(name, set())]
            after = _rows(connection, name, kept)
            assert all({key: row[key] for key in kept} in after for row in before), name
            assert len(after) == len(before), name


def _rows(connection: Connection, name: str, columns: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a table as SQLite stores them."""
    found = MetaData()
    found.reflect(connection, only=[name])
    table = found.tables[name]
    rows = connection.execute(select(*(table.c[column] for column in columns))).mappings()
    return [{key: _stored(table.c[key].type, value) for key, value in row.items()} for row in rows]


def _stored(kind: Any, value: Any) -> Any:
    if value is not None and kind.__visit_name__.lower() == "json":
        return json.dumps(value)
    return str(value) if isinstance(value, date) else value


def test_runs_are_read(upgraded: Upgraded):
    runs = upgraded.ledger.runs
    assert [(run.run, run.state, run.outcome) for run in runs.list()] == [
        (INTERRUPTED, State.RUNNING, None),
        (UNDOING, State.ENDED, Outcome.OK),
        (UNDONE, State.ENDED, Outcome.FAILED),
    ]
    assert [run.run for run in runs.list_unfinished()] == [INTERRUPTED]
    assert [run.run for run in runs.list_resumable()] == []
    [site] = runs.show(UNDONE).sites
    backup, plugins = site.steps
    assert (backup.outcome, plugins.outcome) == (Outcome.OK, Outcome.FAILED)
    assert (plugins.trials, plugins.looks) == ((3, 8) if upgraded.since >= "0002" else (None, None))
    forms, slider = plugins.changes
    assert (forms.item, forms.from_version, forms.to_version) == ("forms", "1.0", "1.1")
    assert (slider.outcome, slider.uncertain, forms.uncertain) == (Outcome.FAILED, True, False)
    assert [point.items for point in site.restore_points] == [("plugin:slider",)]
    assert [(look.healthy, look.status) for look in site.looks] == [(True, 200)]
    assert site.looks[0].seen == ("seen" if upgraded.since >= UNVERIFIED else None)
    assert site.problems == ("PHP 7.4 is not maintained",)
    assert upgraded.ledger.steps.output(UNDONE, "blog")[1].output == "Updating Forms (1.0 -> 1.1)\n"
    assert [job.state for job in upgraded.ledger.jobs.list(UNDONE, "blog")] == ["acked"]


def test_order_of_interrupted_run_is_valid(upgraded: Upgraded):
    order = thaw(upgraded.ledger.runs.order_text(INTERRUPTED))
    assert (order.run, order.closes) == (INTERRUPTED, day(10, 3))
    assert [(site.name, site.client, site.path) for site in order.sites] == [("blog", "acme", "/srv/blog")]
    assert [step.kind for step in order.playbook.steps] == ["backup", "wordpress.plugins", "wordpress.core"]
    [job] = upgraded.ledger.jobs.list(INTERRUPTED, "blog")
    assert (job.job, job.state) == ("b" * 32, "started")


def test_acts_are_a_valid_chain(upgraded: Upgraded):
    acts = upgraded.ledger.acts
    assert acts.verify().problem == ""
    names = [act.act for act in acts.list()]
    assert names == (["adopt"] * 3 if upgraded.since < ACTS else ["run"] * 3 + ["hold"])


def test_month_is_reported(upgraded: Upgraded):
    history = upgraded.ledger.reports.history(["blog"], *NOVEMBER, client="acme")
    assert [run.run for run in history.runs] == [UNDONE, UNDOING, INTERRUPTED]
    assert {change.item for change in history.changes} == {"forms", "slider"}
    assert [backup.size for backup in history.backups] == [1_000_000_000_000]
    assert sum(look.total for look in history.looks) == (6 if upgraded.since >= SUMMARIES else 2)
    assert [row.state for row in history.windows] == [
        WindowState.RUN, WindowState.RUN, WindowState.MISSED, WindowState.SKIPPED,
    ]  # fmt: skip
    assert {hold.item for hold in history.holds} == {"slider", "forms"}
    assert len(history.auto_updates) == (upgraded.since >= AUTO_UPDATES)


def test_windows_are_read(upgraded: Upgraded):
    windows = upgraded.ledger.windows
    missed = windows.list("weekly")[1]
    assert (missed.starts, missed.state, missed.why) == (
        day(17),
        WindowState.MISSED,
        "no scheduler was running; the start deadline (1 h) passed",
    )
    [schedule] = windows.schedules().in_force
    assert (schedule.window, schedule.settled) == ("weekly", day(24))
    planned = recorded_schedule(schedule).planned
    assert (planned is not None) is (upgraded.since >= SCHEDULES)
    if planned:
        assert next(planned.openings(day(24))).starts == datetime(2026, 12, 1, 1, tzinfo=UTC)
    paused = upgraded.ledger.pauses.in_force(day(26))
    assert [pause.until for pause in paused] == ([date(2026, 12, 24)] if upgraded.since >= PAUSES else [])


def test_announcements_are_read(upgraded: Upgraded):
    found = upgraded.ledger.announcements.list("acme")
    assert [one.ended for one in found] == ([day(25)] if upgraded.since >= ANNOUNCEMENTS else [])


def test_approvals_are_read(upgraded: Upgraded):
    found = upgraded.ledger.approvals.list()
    assert [(one.state, one.sites, one.operator) for one in found] == (
        [(ApprovalState.DECLINED, ("blog",), "ann")] if upgraded.since >= APPROVALS else []
    )


def test_crew_is_notified_of_nothing_old(upgraded: Upgraded):
    notices = upgraded.ledger.notices
    openings = [row.starts.day for row in notices.openings()]
    assert openings == ([3, 10, 24] if upgraded.since >= NOTICES else [])
    assert (notices.missed() is not None) is (upgraded.since >= NOTICES)
    assert notices.undelivered_reports() == ()


def test_messages_and_reports_are_read(upgraded: Upgraded):
    [delivery] = upgraded.ledger.deliveries.list()
    assert (delivery.state, delivery.kind, delivery.channel) == (DeliveryState.SENT, "report", "mail")
    assert [one.address for one in delivery.recipients] == ["office@acme.example"]
    assert upgraded.ledger.deliveries.message("<1@acme>") == b"Subject: Wartung\r\n\r\n\xff"
    report = upgraded.ledger.reports.get("acme", "2026-10", "final")
    assert report is not None
    assert report.data == {"client": "acme", "period": "2026-10"}


def test_care_of_site_is_read(upgraded: Upgraded):
    ledger = upgraded.ledger
    [slider] = ledger.holds.list("blog")
    assert (slider.item, slider.version, slider.evidence) == ("slider", "4.2", {"run": UNDONE})
    forms = next(hold for hold in ledger.holds.list(lifted=True) if hold.item == "forms")
    assert forms.operator == ("ann" if upgraded.since >= HOLDS_BY_HAND else None)
    offer = ("plugin", "slider", "4.2")
    assert ledger.sightings.first_seen("blog", [offer], day(20)) == {offer: day(2)}
    assert [auto.item for auto in ledger.auto_updates.list_unsettled("blog")] == (
        ["slider"] if upgraded.since >= AUTO_UPDATES else []
    )
    assert [backup.verified for backup in ledger.backups.list("blog")] == [day(4)]
    assert [lease.executor for lease in ledger.leases.list_unreleased()] == ["controller-3-c"]


def test_client_and_website_are_read(upgraded: Upgraded):
    client = upgraded.ledger.clients.get("acme")
    assert client is not None
    assert (client.name, client.language, client.timezone) == ("Acme Bakery", "de", "Europe/Berlin")
    [website] = upgraded.ledger.websites.list()
    assert (website.name, website.client, website.url) == ("blog", "acme", "https://blog.example")
    exported = upgraded.ledger.clients.export("acme")
    added = exported.keys() - upgraded.rows.keys()
    assert {name for name, rows in exported.items() if not rows} <= added
    assert [run["run"] for run in exported["runs"] if run["undoes"]] == (
        [UNDOING] if upgraded.since >= UNDOES else []
    )


def test_interrupted_run_is_resumed(upgraded: Upgraded):
    """The last test, since it writes."""
    runs = upgraded.ledger.runs
    assert runs.claim(INTERRUPTED, "new")
    assert runs.reopen(INTERRUPTED) == ("blog",)
    runs.finished(INTERRUPTED, Outcome.CANCELLED, day(26))
    upgraded.ledger.holds.add("blog", "akismet", "5", why="new")
    assert upgraded.ledger.acts.verify().problem == ""
    assert upgraded.ledger.clients.erase("acme").rows["run_sites"] == 3
