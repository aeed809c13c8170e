"""A report compares its windows with what was due in its period."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from runner.load import load_workspace
from runner.model import Outcome, Period
from runner.record import Ledger
from runner.report import ReportData, render_text
from runner.workflows.report import make_report
from tests.workflows.scheduling import Scheduler, at, scheduler, write

WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
TUESDAY, FEBRUARY = at("2027-01-05 02:00"), at("2027-02-02 12:00")
DAY = timedelta(days=1)


def report(folder: Path, now: datetime = FEBRUARY, client: str = "c0", period: str = "2027-01") -> ReportData:
    workspace = load_workspace(folder, environ={})
    with Ledger.open(workspace.settings.ledger) as ledger, time_machine.travel(now, tick=False):
        found = make_report(workspace, ledger, workspace.inventory.clients[client], Period.parse(period))
    return found.report


def work(one: Scheduler, now: datetime, client: str = "c0") -> None:
    """A window runs and leaves its site healthy."""
    runs = one.tick(now)
    assert runs
    for run in runs:
        one.end(run)
    one.ledger.record_look(
        site=f"{client}-site",
        at=now + timedelta(minutes=5),
        phase="after",
        signal="page",
        healthy=True,
        seconds=0.1,
        run=runs[0],
    )


def top(found: ReportData) -> str:
    """What a client reads first."""
    return " ".join(render_text(found).partition("Open issues")[0].split())


@pytest.mark.parametrize("back", [None, TUESDAY + 50 * DAY], ids=["serve never ran since", "serve ran since"])
def test_missed_windows_are_counted_whether_a_scheduler_came_back_or_not(tmp_path: Path, back: Any):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        work(one, TUESDAY)
    if back:
        with scheduler(folder) as one:
            one.tick(back)
    found = report(folder, now=TUESDAY + 60 * DAY)
    assert found.status == "attention"
    assert found.as_json()["windows"] == {"due": 4, "missed": 3}
    assert "Your website is healthy. Three of four planned maintenance windows did not run." in top(found)
    assert "You do not need to do anything" not in top(found)
    german = report(folder, now=TUESDAY + 60 * DAY)
    assert len(german.open) == 1


def test_a_month_in_which_no_scheduler_ran_says_so(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        work(one, at("2026-12-29 02:00"))
    found = report(folder)
    assert found.status == "attention"
    assert "No maintenance was done on your website in January 2027." in top(found)
    assert "Four planned maintenance windows did not run." in top(found)


def test_all_is_well_where_every_window_ran(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        for week in range(4):
            work(one, TUESDAY + 7 * week * DAY)
    found = report(folder)
    assert (found.status, found.as_json()["windows"]) == ("good", {"due": 4, "missed": 0})


def test_an_opening_that_may_still_be_started_is_not_missed_yet(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        work(one, TUESDAY)
    for minutes, missed in ((30, 0), (61, 1)):
        found = report(folder, now=TUESDAY + 7 * DAY + timedelta(minutes=minutes))
        assert (found.windows.missed if found.windows else None) == missed


def test_a_blackout_was_agreed_and_an_overlap_was_not(tmp_path: Path):
    folder = write(tmp_path, WEEKLY.replace("}", ", blackouts: [2027-01-12/2027-01-18]}"))
    with scheduler(folder) as one:
        one.tick(TUESDAY)
    with scheduler(folder) as one:
        one.tick(TUESDAY + 8 * DAY)
        one.tick(TUESDAY + 14 * DAY)
    found = report(folder, now=TUESDAY + 15 * DAY)
    assert found.as_json()["windows"] == {"due": 2, "missed": 1}
    assert {(point.outcome, len(point.at)) for point in found.open if point.about == "window"} == {
        (Outcome.SKIPPED, 1),
        (Outcome.MISSED, 1),
    }


def by_hand(one: Scheduler, started: datetime) -> None:
    one.ledger.begin_run(
        "{}",
        run=f"hello-{started:%d}",
        playbook="hello",
        title="Hello",
        sites=[("c0-site", "c0", "web1", 0, 0)],
        steps=[],
        started=started,
        trigger="manual",
    )
    one.ledger.finish_site(f"hello-{started:%d}", "c0-site", Outcome.OK, "", started)
    one.ledger.finish_run(f"hello-{started:%d}", Outcome.OK, started)


def test_windows_that_no_scheduler_ever_kept_are_named(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        by_hand(one, at("2027-01-10 12:00"))
        one.ledger.record_look(
            site="c0-site", at=at("2027-01-10 13:00"), phase="after", signal="page", healthy=True, run=None
        )
    found = report(folder)
    assert found.status == "attention"
    assert found.windows is None
    assert (
        "Planned maintenance was not started automatically on 12 January, 19 January and 26 January."
        in " ".join(render_text(found).split())
    )


def test_work_by_hand_in_an_opening_took_place(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        for week in range(4):
            by_hand(one, TUESDAY + 7 * week * DAY + timedelta(minutes=10))
        one.ledger.record_look(
            site="c0-site", at=at("2027-01-27 13:00"), phase="after", signal="page", healthy=True, run=None
        )
    assert report(folder).status == "good"


def test_the_next_window_of_each_of_many_clients_is_told(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, 60)
    with scheduler(folder) as one:
        one.tick(TUESDAY)
    found = report(folder, client="c59")
    assert [due.starts for due in found.next] == [at("2027-02-09 02:00")]
