"""Calendars of windows in the scheduler: what is decided stays, and edits of a file count from then on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import text

from runner.load import load_workspace
from runner.record import Ledger, WhyNot, WindowState
from runner.workflows.reload import WorkspaceFiles
from tests.workflows.scheduling import SchedulerProcess, at, rows, scheduler, write

DAILY = '  night: {{playbook: hello, day: daily, at: "02:00"{more}, blackouts: [closed.ics]}}\n'
MONDAY = at("2027-01-04 02:00")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
RUN, SKIPPED, MISSED = WindowState.RUN, WindowState.SKIPPED, WindowState.MISSED


@pytest.fixture(autouse=True)
def _january_2027():
    with time_machine.travel(MONDAY, tick=False):
        yield


def workspace(folder: Path, *events: str, more: str = "", clients: int = 1, zone: str = "UTC") -> Path:
    close(folder, *events)
    return write(folder, DAILY.format(more=more), clients, zone)


def close(folder: Path, *events: str) -> None:
    blocks = "".join(
        f"BEGIN:VEVENT\nUID:{number}\n{each}\nEND:VEVENT\n" for number, each in enumerate(events)
    )
    (folder / "closed.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{blocks}END:VCALENDAR\n")


def tick(one: SchedulerProcess, folder: Path, now) -> None:
    one.reload(folder)
    one.end(*one.tick(now))


def states(folder: Path) -> list[WindowState]:
    return [row.state for row in rows(folder)]


def test_opening_in_event_is_skipped(tmp_path: Path):
    folder = workspace(
        tmp_path,
        "DTSTART;VALUE=DATE:20270105",
        "DTSTART:20270106T010000Z\nDURATION:PT1H",
        "DTSTART:20270107T013000Z\nDURATION:PT1H",
    )
    with scheduler(folder) as one:
        for day in range(4):
            tick(one, folder, MONDAY + day * DAY)
    assert states(folder) == [RUN, SKIPPED, RUN, SKIPPED]
    assert {row.why for row in rows(folder, state=SKIPPED)} == {WhyNot.BLACKOUT}


def test_local_event_counts_in_zone_of_client(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART:20270105T013000\nDURATION:PT1H", zone="America/New_York")
    with scheduler(folder) as one:
        for day in range(3):
            tick(one, folder, MONDAY + day * DAY + timedelta(hours=5))
    assert [row.starts.hour for row in rows(folder)] == [7, 7, 7]
    assert states(folder) == [RUN, SKIPPED, RUN]


def test_edit_of_calendar_leaves_past_openings(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART;VALUE=DATE:20270105\nRRULE:FREQ=DAILY;COUNT=3")
    with scheduler(folder) as one:
        tick(one, folder, MONDAY)
    with scheduler(folder) as one:
        close(folder, "DTSTART;VALUE=DATE:20270104\nRRULE:FREQ=DAILY;COUNT=2")
        tick(one, folder, MONDAY + 6 * DAY)
    assert states(folder) == [RUN, SKIPPED, SKIPPED, SKIPPED, MISSED, MISSED, RUN]


def test_calendar_that_is_deleted_leaves_past_openings(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART;VALUE=DATE:20270105")
    with scheduler(folder) as one:
        tick(one, folder, MONDAY)
        (folder / "closed.ics").unlink()
        write(folder, DAILY.format(more="").replace("closed.ics", "2027-02-01"))
        tick(one, folder, MONDAY + 2 * DAY)
    assert states(folder) == [RUN, SKIPPED, RUN]
    assert stored(folder) == []


def stored(folder: Path) -> list[str]:
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db") as ledger, ledger.store.read() as connection:
        return list(connection.execute(text("SELECT digest FROM calendars")).scalars())


def test_clients_share_stored_calendar(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART:20270101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY", clients=60)
    with scheduler(folder) as one:
        tick(one, folder, MONDAY - 3 * MINUTE)
        with one.ledger.store.read() as connection:
            sizes = connection.execute(text("SELECT length(definition) FROM schedules")).scalars().all()
        assert len(sizes) == 60
        assert max(sizes) < 600
        first = stored(folder)
        assert len(first) == 1
        close(folder, "DTSTART:20270101T000000Z\nDURATION:PT2H\nRRULE:FREQ=DAILY")
        tick(one, folder, MONDAY - 2 * MINUTE)
        assert len(stored(folder)) == 1
        assert stored(folder) != first


def test_opening_that_waits_is_started_after_event(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART:20270104T022000Z\nDURATION:PT20M")
    with scheduler(folder) as one:
        assert one.tick(MONDAY + 25 * MINUTE) == ()
        assert one.tick(MONDAY + 40 * MINUTE) != ()


def test_opening_that_waits_too_long_is_missed_because_of_event(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART:20270104T022000Z\nDURATION:PT2H")
    with scheduler(folder) as one:
        one.tick(MONDAY + 25 * MINUTE)
        one.tick(MONDAY + 90 * MINUTE)
    assert [(row.state, row.why) for row in rows(folder)] == [(MISSED, WhyNot.CLOSED)]


def test_opening_that_is_due_in_event_after_jitter_is_skipped(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART:20270104T020001Z\nDURATION:PT1H", more=", jitter: 1h")
    with scheduler(folder) as one:
        one.tick(MONDAY + 61 * MINUTE)
    assert states(folder) == [SKIPPED]


def test_order_has_only_blackouts_of_its_window(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART:20270101T030000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY")
    with scheduler(folder) as one:
        (run,) = one.tick(MONDAY)
        order = one.ledger.runs.order_text(run)
    assert order.count('"ends":"2027-01-04T04:00:00Z"') == 1
    assert order.count('"starts":') < 8


def test_serve_keeps_last_good_calendar(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART;VALUE=DATE:20270105")
    files = WorkspaceFiles(load_workspace(folder, environ={}))
    good = files.current()
    assert good is not None
    before = good.inventory.windows["night"].calendars
    (folder / "closed.ics").write_text("<html>502</html>")
    assert files.current() is None  # it may still be being written
    kept = files.current()
    assert kept is not None
    assert kept.inventory.windows["night"].calendars == before
    assert files.problem.startswith("the last version without mistakes stays in force: inventory.yaml:")
    assert '"closed.ics": it is not a' in files.problem
    close(folder, "DTSTART;VALUE=DATE:20270106")
    files.current()
    changed = files.current()
    assert changed is not None
    assert changed.inventory.windows["night"].calendars != before
    assert files.problem == ""


def test_serve_reads_calendars_again_in_new_year(tmp_path: Path):
    folder = workspace(tmp_path, "DTSTART;VALUE=DATE:20270105\nRRULE:FREQ=YEARLY")
    files = WorkspaceFiles(load_workspace(folder, environ={}))
    (before,) = files.current().inventory.windows["night"].calendars
    files.current()
    with time_machine.travel(MONDAY + 365 * DAY, tick=False):
        files.current()
        (after,) = files.current().inventory.windows["night"].calendars
    assert (before.periods[-1].last.year, after.periods[-1].last.year) == (2032, 2033)
