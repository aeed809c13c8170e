"""Old records are summarised or deleted; what a report, an undo or the chain of acts needs stays."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from runner.errors import UsageError
from runner.model import Cutoffs, Outcome, Seen
from runner.record import (
    DeliveryKind,
    DeliveryState,
    Ledger,
    LookView,
    NewDelivery,
    Recipient,
    WindowState,
)
from runner.record.lastlook import Change, last_look
from runner.record.look_history import _of_summary, looked_in, summary_rows
from runner.record.schema import auto_updates, look_summaries, looks, runs, segments, sightings, steps
from tests.ledgers import claim_window, record_look
from tests.record.book import PLUGINS, at, change, work

DAY = timedelta(days=1)
NOW = at(24)


def cut(**days: int) -> Cutoffs:
    """Cutoffs so many days before NOW; nothing is old enough for the others."""
    ages = {"looks": 9999, "details": 9999, "summaries": 9999, "history": 9999} | days
    return Cutoffs(**{name: NOW - DAY * age for name, age in ages.items()})


def ran(ledger: Ledger, run: str, when: datetime, *, on: str = "shop", **other: Any) -> str:
    """Record a run of the past, with the time of its act."""
    with time_machine.travel(when, tick=False):
        return work(ledger, run, when, change("forms", "1.0", "1.1"), on=on, **other)


def rows(ledger: Ledger, table: Any) -> int:
    with ledger.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def of(ledger: Ledger, table: Any, column: str, **where: str) -> list[Any]:
    query = select(table.c[column])
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    with ledger.store.read() as connection:
        return list(connection.execute(query).scalars())


@pytest.mark.both_databases
def test_details_of_old_runs_are_deleted(ledger: Ledger) -> None:
    ran(ledger, "old", NOW - 100 * DAY)
    ran(ledger, "new", NOW - 10 * DAY)
    with ledger.store.write() as connection:
        connection.execute(update(steps).values(output="Updating...\n"))
    ledger.jobs.started("old", "shop", 1, "job-1", NOW - 100 * DAY, trial="{}")
    pruned = ledger.pruning.prune(cut(details=90))
    assert pruned.rows["details"] == 1
    assert of(ledger, steps, "output", run="old") == [""]
    assert of(ledger, steps, "output", run="new") == ["Updating...\n"]
    assert rows(ledger, segments) == 0
    shown = ledger.runs.show("old")
    assert shown.summary.pruned is not None
    assert shown.sites[0].steps[0].changes[0].to_version == "1.1"
    assert ledger.acts.verify().problem == ""


def test_run_without_details_is_not_resumed(ledger: Ledger) -> None:
    ran(ledger, "old", NOW - 100 * DAY)
    ran(ledger, "new", NOW - 10 * DAY)
    ledger.pruning.prune(cut(details=90))
    for read in (ledger.runs.order_text, ledger.runs.reopen):
        with pytest.raises(UsageError, match="pruned") as caught:
            read("old")
        assert "retention.details" in caught.value.hint
    assert ledger.runs.order_text("new") == "{}"


def test_last_run_that_changed_a_site_keeps_its_details(ledger: Ledger) -> None:
    ran(ledger, "first", NOW - 300 * DAY)
    ran(ledger, "last", NOW - 200 * DAY)
    ran(ledger, "other", NOW - 250 * DAY, on="blog")
    with time_machine.travel(NOW - 150 * DAY, tick=False):
        work(ledger, "checked", NOW - 150 * DAY)
    assert ledger.pruning.prune(cut(details=90)).rows["details"] == 2
    assert [ledger.runs.order_text(run) for run in ("last", "other")] == ["{}", "{}"]
    assert ledger.runs.summary("first").pruned
    assert ledger.runs.summary("checked").pruned


def test_runs_undone_by_a_kept_undo_keep_their_details(ledger: Ledger) -> None:
    ran(ledger, "update", NOW - 300 * DAY)
    ran(ledger, "undo", NOW - 299 * DAY, undoes="update")
    ran(ledger, "undo-of-undo", NOW - 298 * DAY, undoes="undo")
    assert ledger.pruning.prune(cut(details=90)).rows["details"] == 0
    ran(ledger, "later", NOW - 100 * DAY)
    assert ledger.pruning.prune(cut(details=90)).rows["details"] == 3


def test_run_undone_lately_keeps_its_details(ledger: Ledger) -> None:
    ran(ledger, "update", NOW - 300 * DAY)
    ran(ledger, "undo", NOW - 20 * DAY, undoes="update")
    ran(ledger, "later", NOW - 10 * DAY)
    assert ledger.pruning.prune(cut(details=90)).rows["details"] == 0


def test_run_of_an_unsettled_automatic_update_stays(ledger: Ledger) -> None:
    ran(ledger, "asked", NOW - 900 * DAY)
    ran(ledger, "later", NOW - 10 * DAY)
    row = {"site": "shop", "kind": "plugin", "key": "forms", "item": "forms", "state": "off", "run": "asked"}
    with ledger.store.write() as connection:
        connection.execute(insert(auto_updates).values(**row, since=NOW - 900 * DAY))
    assert ledger.pruning.prune(cut(details=90, history=400)).rows["runs"] == 0
    with ledger.store.write() as connection:
        connection.execute(update(auto_updates).values(settled=NOW - 500 * DAY))
    ledger.pruning.prune(cut(details=90, history=400))
    assert [run.run for run in ledger.runs.list()] == ["later"]
    assert rows(ledger, auto_updates) == 0


def test_open_run_is_never_pruned(ledger: Ledger) -> None:
    ran(ledger, "open", NOW - 900 * DAY)
    ran(ledger, "later", NOW - 10 * DAY)
    with ledger.store.write() as connection:
        connection.execute(update(runs).where(runs.c.run == "open").values(state="running", finished=None))
    ledger.pruning.prune(cut(details=90, history=400))
    assert ledger.runs.order_text("open") == "{}"


def test_run_resumed_lately_is_not_pruned(ledger: Ledger) -> None:
    ran(ledger, "old", NOW - 900 * DAY)
    ran(ledger, "later", NOW - 10 * DAY)
    with time_machine.travel(NOW - 5 * DAY, tick=False):
        ledger.acts.record("resume", "old", run="old")
    ledger.pruning.prune(cut(details=90, history=400))
    assert ledger.runs.order_text("old") == "{}"


@pytest.mark.both_databases
def test_old_history_is_deleted_and_acts_stay(ledger: Ledger) -> None:
    ran(ledger, "old", NOW - 900 * DAY)
    ran(ledger, "new", NOW - 10 * DAY)
    claim_window(
        ledger,
        "weekly",
        NOW - 900 * DAY,
        closes=NOW - 899 * DAY,
        state=WindowState.SKIPPED,
        client="acme",
        at=NOW - 900 * DAY,
    )
    claim_window(
        ledger, "weekly", NOW - 9 * DAY, closes=NOW - 8 * DAY, state=WindowState.SKIPPED, client="acme"
    )
    for starts in (NOW - 900 * DAY, NOW - 9 * DAY):
        ledger.notices.of_opening("weekly", starts, (), NOW)
    pruned = ledger.pruning.prune(cut(details=90, history=400)).rows
    assert (pruned["runs"], pruned["windows"]) == (1, 1)
    assert [run.run for run in ledger.runs.list()] == ["new"]
    assert [row.starts for row in ledger.windows.list()] == [NOW - 9 * DAY]
    verdict = ledger.acts.verify()
    assert (verdict.acts, verdict.problem) == (3, "")
    last = ledger.acts.list()[-1]
    assert (last.act, ledger.pruning.last(last.at)) == ("prune", last.at)
    assert ledger.pruning.last(last.at - DAY) is None


def test_opening_without_a_notice_stays(ledger: Ledger) -> None:
    claim_window(
        ledger, "weekly", NOW - 900 * DAY, closes=NOW - 899 * DAY, state=WindowState.MISSED, client="acme"
    )
    assert ledger.pruning.prune(cut(history=400)).rows["windows"] == 0


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE runs SET order_text = '', pruned = started WHERE run = 'new'", "its order was changed"),
        ("UPDATE runs SET order_text = 'other' WHERE run = 'old'", "its order was changed"),
        ("UPDATE runs SET order_text = '' WHERE run = 'kept'", "its order was changed"),
        ("DELETE FROM runs WHERE run = 'new'", "its run is not in the ledger"),
        ("DELETE FROM runs WHERE run = 'old'", "its run is not in the ledger"),
    ],
)
def test_only_a_recorded_pruning_explains_missing_rows(file: Path, statement: str, problem: str) -> None:
    with Ledger.open(f"sqlite:///{file}") as ledger:
        ran(ledger, "old", NOW - 300 * DAY)
        ran(ledger, "kept", NOW - 200 * DAY)
        ran(ledger, "new", NOW - 10 * DAY, on="blog")
        ledger.pruning.prune(cut(details=90, history=400))
        assert ledger.acts.verify().problem == ""
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    with Ledger.open(f"sqlite:///{file}") as ledger:
        assert problem in ledger.acts.verify().problem


def test_erasure_after_pruning_keeps_the_chain(ledger: Ledger) -> None:
    ran(ledger, "old", NOW - 300 * DAY)
    ran(ledger, "last", NOW - 200 * DAY)
    ran(ledger, "bolts", NOW - 250 * DAY, on="blog", client="bolt")
    record_look(ledger, site="shop", at=NOW - 200 * DAY, phase="after", signal="page", healthy=True)
    ledger.pruning.prune(cut(looks=14, details=90))
    assert "look_summaries" in ledger.clients.export("acme")
    ledger.clients.erase("acme")
    assert of(ledger, look_summaries, "client") == ["bolt"]
    assert ledger.acts.verify().problem == ""


@pytest.mark.both_databases
def test_messages_are_emptied_and_notices_deleted(ledger: Ledger) -> None:
    def queue(name: str, kind: DeliveryKind, state: DeliveryState, age: int) -> None:
        to = (Recipient(address="a@acme.example"),)
        new = NewDelivery(
            message_id=name, kind=kind, client="acme", recipients=to, subject="s", message=b"text"
        )
        ledger.deliveries.queue(new, at=NOW - age * DAY)
        ledger.deliveries.update(
            name,
            before=set(DeliveryState),
            recipients=[replace(to[0], state=state)],
            at=NOW - age * DAY,
        )

    queue("sent", DeliveryKind.REPORT, DeliveryState.SENT, 100)
    queue("announced", DeliveryKind.ANNOUNCEMENT, DeliveryState.SENT, 100)
    queue("queued", DeliveryKind.REPORT, DeliveryState.QUEUED, 100)
    queue("new", DeliveryKind.REPORT, DeliveryState.SENT, 10)
    queue("notice", DeliveryKind.NOTICE, DeliveryState.SENT, 100)
    queue("waiting", DeliveryKind.NOTICE, DeliveryState.QUEUED, 100)
    assert ledger.pruning.preview(cut(details=90)).rows["messages"] == 3
    assert ledger.pruning.prune(cut(details=90)).rows["messages"] == 3
    left = {view.message_id for view in ledger.deliveries.list()}
    assert left == {"sent", "announced", "queued", "new", "waiting"}
    assert [ledger.deliveries.message(name) for name in ("sent", "queued", "new")] == [b"", b"text", b"text"]


def test_superseded_versions_are_forgotten(ledger: Ledger) -> None:
    seen = [("1.0", 900), ("1.1", 500), ("1.2", 450), ("1.3", 5)]
    with ledger.store.write() as connection:
        for version, age in seen:
            row = {"website": 1, "kind": "plugin", "item": "forms", "version": version}
            connection.execute(insert(sightings).values(**row, first_seen=NOW - age * DAY))
    assert ledger.pruning.prune(cut(summaries=400)).rows["versions"] == 2
    assert of(ledger, sightings, "version") == ["1.2", "1.3"]


def test_leases_of_ended_processes_are_deleted(ledger: Ledger) -> None:
    for name, age in (("old", 100), ("working", 100), ("new", 1)):
        ledger.leases.acquire(name, host="c", pid=1, process_start="1", at=NOW - age * DAY)
    ran(ledger, "open", NOW - 100 * DAY)
    with ledger.store.write() as connection:
        connection.execute(update(runs).values(state="running", executor="working"))
    assert ledger.pruning.prune(cut(details=90)).rows["processes"] == 1
    assert {lease.executor for lease in ledger.leases.list_unreleased()} == {"working", "new"}


def test_preview_counts_the_same_and_changes_nothing(ledger: Ledger) -> None:
    ran(ledger, "old", NOW - 350 * DAY)
    ran(ledger, "middle", NOW - 300 * DAY)
    ran(ledger, "new", NOW - 10 * DAY)
    limits = cut(looks=14, details=90, summaries=400)
    before = ledger.pruning.preview(limits).rows
    assert ledger.pruning.preview(limits).rows == before
    assert before == ledger.pruning.prune(limits).rows
    assert (before["looks"], before["details"]) == (2, 2)
    assert not any(ledger.pruning.preview(limits).rows.values())


def test_pruning_stops_between_transactions(ledger: Ledger) -> None:
    for number in range(5):
        ran(ledger, f"r{number}", NOW - (300 - number) * DAY)
    assert ledger.pruning.prune(cut(details=90), stopped=lambda: True).rows["details"] == 1
    assert ledger.acts.verify().problem == ""
    assert ledger.pruning.prune(cut(details=90)).rows["details"] == 3


@pytest.mark.both_databases
def test_report_of_summarised_looks_is_the_same(ledger: Ledger) -> None:
    start, end = NOW - 30 * DAY, NOW
    for number in range(4):
        ran(ledger, f"r{number}", NOW - (20 - number) * DAY, healthy=number != 2)
    for minute in range(12):
        record_look(
            ledger,
            site="shop",
            run="r3",
            at=NOW - 15 * DAY + timedelta(minutes=minute),
            phase="soak",
            signal="page",
            healthy=minute % 5 != 4,
            seconds=minute / 10,
        )
    before = ledger.reports.history(["shop"], start, end, client="acme")
    assert ledger.pruning.prune(cut(looks=14)).rows["looks"] == 16
    assert (rows(ledger, looks), rows(ledger, look_summaries)) == (0, 7)
    assert ledger.reports.history(["shop"], start, end, client="acme") == before
    shown = ledger.runs.show("r3").sites[0].looks
    assert [look.signal for look in shown] == ["summary"] * 4
    assert shown[1].note == "5 looks: 4 healthy, 1 unhealthy"
    assert (shown[1].healthy, shown[2].healthy, shown[3].healthy) == (False, False, True)


PAGES = st.sampled_from(["page", "inside", "boot"])
LOOKS = st.tuples(
    st.integers(0, 14),
    st.sampled_from(["before", "after", "undo"]),
    PAGES,
    st.sampled_from([True, False, None]),
    st.sampled_from([200, 403, 500, None]),
    st.sampled_from(["r1", "r2"]),
)
CHANGES = st.tuples(st.integers(0, 14), st.sampled_from(["r1", "r2"]), st.sampled_from(list(Outcome)))


@given(st.lists(LOOKS, max_size=12), st.lists(CHANGES, max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_summaries_give_the_same_last_look(found: list[Any], changed: list[Any]) -> None:
    """Two looks of different runs or phases are never at the same instant."""
    known = {}
    for number, (minute, phase, signal, healthy, status, run) in enumerate(found):
        when = at(1) + timedelta(minutes=minute, seconds=["before", "after", "undo"].index(phase) * 2)
        when += timedelta(seconds=run == "r2")
        known[run, when, phase, signal] = {
            "id": number,
            "run": run,
            "site": "shop",
            "client": "acme",
            "website": 1,
            "at": when,
            "phase": phase,
            "signal": signal,
            "healthy": healthy,
            "status": status,
            "seen": Seen.SEEN,
            "seconds": None,
        }
    changes = [
        Change(
            run=run,
            kind=PLUGINS,
            outcome=outcome,
            started=at(1) + timedelta(minutes=minute),
            finished=at(1) + timedelta(minutes=minute + 2),
        )
        for minute, run, outcome in changed
    ]
    mappings: list[Any] = sorted(known.values(), key=lambda row: (row["at"], row["id"]), reverse=True)
    from runner.record.look_history import _grouped

    single = _grouped(mappings)
    old: list[Any] = list(summary_rows(mappings))
    together = [look for row in old for look in _of_summary(row)]
    together.sort(key=lambda look: look.at, reverse=True)
    assert last_look("shop", changes, single) == last_look("shop", changes, together)
    assert sum(row["total"] for row in old) == len(mappings)


def test_looks_without_a_run_are_summarised(ledger: Ledger) -> None:
    for second in range(0, 600, 60):
        ledger.looks.record(
            LookView(
                site="shop",
                at=NOW - 20 * DAY + timedelta(seconds=second),
                phase="soak",
                signal="page",
                healthy=True,
                status=200,
            )
        )
    ledger.pruning.prune(cut(looks=14))
    assert rows(ledger, look_summaries) == 2
    with ledger.store.read() as connection:
        (website,) = {*connection.execute(select(look_summaries.c.website)).scalars()}
        seen = looked_in(connection, website, None, NOW - 30 * DAY, NOW)
    assert [look.healthy for look in seen] == [True, True]


def test_file_shrinks_in_short_transactions(file: Path) -> None:
    with Ledger.open(f"sqlite:///{file}") as ledger:
        for number in range(30):
            ran(ledger, f"r{number}", NOW - (300 - number) * DAY)
        with ledger.store.write() as connection:
            connection.execute(update(steps).values(output="x" * 20_000))
            connection.execute(update(runs).values(order_text="y" * 100_000))
        calls: list[int] = []
        ledger.pruning.prune(cut(details=90), stopped=lambda: bool(calls.append(file.stat().st_size)))
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert calls
        assert ledger.store.database.size() < 1_000_000


def auto_vacuum(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        return int(connection.execute("PRAGMA auto_vacuum").fetchone()[0])


@pytest.mark.parametrize("large", [False, True])
def test_file_of_an_earlier_version_is_rewritten(
    file: Path, monkeypatch: pytest.MonkeyPatch, *, large: bool
) -> None:
    with Ledger.open(f"sqlite:///{file}") as ledger:
        ran(ledger, "r1", NOW)
    with sqlite3.connect(file, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = WAL")
    assert auto_vacuum(file) == 0
    with Ledger.open(f"sqlite:///{file}") as ledger:
        if large:
            monkeypatch.setattr("runner.record.sqlite._SMALL", 0)
        ledger.pruning.prune(cut())
        assert auto_vacuum(file) == (0 if large else 2)
        ledger.compact()
        assert ledger.runs.order_text("r1") == "{}"
    assert auto_vacuum(file) == 2
