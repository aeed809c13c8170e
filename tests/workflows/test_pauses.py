"""Windows of a paused client are skipped, whenever a scheduler ran, and the report names the reason."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from runner.model import Outcome
from runner.record import Ledger, WindowState
from runner.report import render_text
from tests.workflows.scheduling import SchedulerProcess, at, rows, scheduler, write
from tests.workflows.test_report_windows import TUESDAY, WEEKLY, report, run_window

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
RUN, SKIPPED, MISSED = WindowState.RUN, WindowState.SKIPPED, WindowState.MISSED
REASON = "paused until 2027-01-18: Winter sale"


def pause(one: SchedulerProcess, since, until: str = "2027-01-18", why: str = "Winter sale") -> None:
    last = date.fromisoformat(until)
    one.ledger.pauses.pause("c0", until=last, ends=at(f"{last + DAY} 00:00"), why=why, at=since)


def decided(folder: Path) -> list[tuple[WindowState, str | None]]:
    return [(row.state, row.why or None) for row in rows(folder, client="c0")]


def test_due_window_of_paused_client_is_skipped(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, 2)
    with scheduler(folder) as one:
        one.tick(TUESDAY - MINUTE)
        pause(one, TUESDAY - MINUTE)
        for week in range(3):
            one.end(*one.tick(TUESDAY + week * 7 * DAY))
    assert decided(folder) == [(SKIPPED, REASON), (SKIPPED, REASON), (RUN, None)]
    assert [row.state for row in rows(folder, client="c1")] == [RUN] * 3


def test_pause_counts_if_no_scheduler_was_running(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        pause(one, TUESDAY + DAY)
    with scheduler(folder) as one:
        one.tick(TUESDAY + 22 * DAY)
    assert [state for state, _ in decided(folder)] == [RUN, SKIPPED, MISSED, MISSED]


def test_resumed_client_is_started_again(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.tick(TUESDAY - MINUTE)
        pause(one, TUESDAY - MINUTE)
        one.tick(TUESDAY)
        assert one.ledger.pauses.resume("c0", at=TUESDAY + 2 * MINUTE) is not None
        assert one.ledger.pauses.resume("c0", at=TUESDAY + 3 * MINUTE) is None
        one.tick(TUESDAY + 3 * MINUTE)
        one.tick(TUESDAY + 7 * DAY)
    assert [state for state, _ in decided(folder)] == [SKIPPED, RUN]


def test_pause_skips_opening_that_waits(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.tick(TUESDAY - MINUTE)
        pause(one, TUESDAY + MINUTE)
        one.tick(TUESDAY + 2 * MINUTE)
    assert decided(folder) == [(SKIPPED, REASON)]


def test_pause_after_deadline_does_not_excuse_missed_window(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.tick(TUESDAY - MINUTE)
        pause(one, TUESDAY + 90 * MINUTE)
        one.tick(TUESDAY + 100 * MINUTE)
    assert [state for state, _ in decided(folder)] == [MISSED]


def test_second_pause_replaces_first(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.tick(TUESDAY - MINUTE)
        pause(one, TUESDAY - MINUTE)
        pause(one, TUESDAY + DAY, "2027-01-10", "shorter")
        one.tick(TUESDAY + 7 * DAY)
        assert [one.why for one in one.ledger.pauses.in_force(TUESDAY + 2 * DAY)] == ["shorter"]
    assert [state for state, _ in decided(folder)] == [SKIPPED, RUN]


@pytest.mark.parametrize("decides", [True, False], ids=["scheduler", "no scheduler"])
def test_report_names_reason_of_pause(tmp_path: Path, *, decides: bool):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        run_window(one, TUESDAY)
        pause(one, TUESDAY + DAY, "2027-01-31")
        if decides:
            for week in range(1, 4):
                one.tick(TUESDAY + week * 7 * DAY)
    found = report(folder)
    assert found.status == "good"
    (issue,) = [one for one in found.open if one.about == "pause"]
    assert (issue.outcome, len(issue.at)) == (Outcome.SKIPPED, 3)
    text = " ".join(render_text(found).split())
    assert "Maintenance was paused on 12 January, 19 January and 26 January." in text
    assert "Winter sale (until 31 January 2027)" in text


def test_report_announces_first_window_after_pause(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        run_window(one, TUESDAY)
        pause(one, TUESDAY + DAY, "2027-02-10")
    assert [due.starts for due in report(folder).next] == [at("2027-02-16 02:00")]


def test_pause_and_resume_are_recorded_as_acts(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        pause(one, TUESDAY)
        one.ledger.pauses.resume("c0", at=TUESDAY + DAY)
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        found = [(act.act, act.subject) for act in ledger.acts.list()]
        given = ledger.clients.export("c0")
    assert sorted(found) == [("pause", "c0"), ("resume", "c0")]
    assert json.dumps(given["pauses"]).count("Winter sale") == 1
