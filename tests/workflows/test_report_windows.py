"""Reports count the windows that were due in their period and those that were missed."""

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
from runner.report.document import report_document
from runner.workflows.report import make_report
from tests.ledgers import create_run, record_look
from tests.workflows.scheduling import SchedulerProcess, at, scheduler, write

WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
TUESDAY, FEBRUARY = at("2027-01-05 02:00"), at("2027-02-02 12:00")
DAY = timedelta(days=1)


def report(folder: Path, now: datetime = FEBRUARY, client: str = "c0", period: str = "2027-01") -> ReportData:
    workspace = load_workspace(folder, environ={})
    with Ledger.open(workspace.settings.ledger) as ledger, time_machine.travel(now, tick=False):
        found = make_report(workspace, ledger, workspace.inventory.clients[client], Period.parse(period))
    return found.report


def run_window(one: SchedulerProcess, now: datetime, client: str = "c0") -> None:
    """Run a window after which its site is healthy."""
    runs = one.tick(now)
    assert runs
    for run in runs:
        one.end(run)
    record_look(
        one.ledger,
        site=f"{client}-site",
        at=now + timedelta(minutes=5),
        phase="after",
        signal="page",
        healthy=True,
        seconds=0.1,
        run=runs[0],
    )


def top(found: ReportData) -> str:
    """Return the first part of the text."""
    return " ".join(render_text(found).partition("Open issues")[0].split())


@pytest.mark.parametrize("back", [None, TUESDAY + 50 * DAY], ids=["no later scheduler", "later scheduler"])
def test_missed_windows_are_counted(tmp_path: Path, back: Any):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        run_window(one, TUESDAY)
    if back:
        with scheduler(folder) as one:
            one.tick(back)
    found = report(folder, now=TUESDAY + 60 * DAY)
    assert found.status == "attention"
    assert report_document(found)["windows"] == {"due": 4, "missed": 3}
    assert "Your website is healthy. Three of four planned maintenance windows did not run." in top(found)
    assert "You do not need to do anything" not in top(found)
    german = report(folder, now=TUESDAY + 60 * DAY)
    assert len(german.open) == 1


def test_month_without_scheduler_is_reported(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        run_window(one, at("2026-12-29 02:00"))
    found = report(folder)
    assert found.status == "attention"
    assert "No maintenance was done on your website in January 2027." in top(found)
    assert "Four planned maintenance windows did not run." in top(found)


def test_report_is_good_if_every_window_ran(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        for week in range(4):
            run_window(one, TUESDAY + 7 * week * DAY)
    found = report(folder)
    assert (found.status, report_document(found)["windows"]) == ("good", {"due": 4, "missed": 0})


def test_startable_opening_is_not_missed(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        run_window(one, TUESDAY)
    for minutes, missed in ((30, 0), (61, 1)):
        found = report(folder, now=TUESDAY + 7 * DAY + timedelta(minutes=minutes))
        assert (found.windows.missed if found.windows else None) == missed


def test_blackout_is_not_due_but_overlap_is_missed(tmp_path: Path):
    folder = write(tmp_path, WEEKLY.replace("}", ", blackouts: [2027-01-12/2027-01-18]}"))
    with scheduler(folder) as one:
        one.tick(TUESDAY)
    with scheduler(folder) as one:
        one.tick(TUESDAY + 8 * DAY)
        one.tick(TUESDAY + 14 * DAY)
    found = report(folder, now=TUESDAY + 15 * DAY)
    assert report_document(found)["windows"] == {"due": 2, "missed": 1}
    assert {(point.outcome, len(point.at)) for point in found.open if point.about == "window"} == {
        (Outcome.SKIPPED, 1),
        (Outcome.MISSED, 1),
    }


def run_by_hand(one: SchedulerProcess, started: datetime) -> None:
    create_run(
        one.ledger,
        "{}",
        run=f"hello-{started:%d}",
        playbook="hello",
        title="Hello",
        sites=[("c0-site", "c0", "web1", 0, 0)],
        steps=[],
        started=started,
        trigger="manual",
    )
    one.ledger.sites.finished(f"hello-{started:%d}", "c0-site", Outcome.OK, "", started)
    one.ledger.runs.finished(f"hello-{started:%d}", Outcome.OK, started)


def test_windows_without_any_scheduler_are_listed(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        run_by_hand(one, at("2027-01-10 12:00"))
        record_look(
            one.ledger,
            site="c0-site",
            at=at("2027-01-10 13:00"),
            phase="after",
            signal="page",
            healthy=True,
            run=None,
        )
    found = report(folder)
    assert found.status == "attention"
    assert found.windows is None
    assert (
        "Planned maintenance was not started automatically on 12 January, 19 January and 26 January."
        in " ".join(render_text(found).split())
    )


def test_manual_run_during_opening_counts(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        for week in range(4):
            run_by_hand(one, TUESDAY + 7 * week * DAY + timedelta(minutes=10))
        record_look(
            one.ledger,
            site="c0-site",
            at=at("2027-01-27 13:00"),
            phase="after",
            signal="page",
            healthy=True,
            run=None,
        )
    assert report(folder).status == "good"


def test_next_window_is_shown_for_any_client(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, 60)
    with scheduler(folder) as one:
        one.tick(TUESDAY)
    found = report(folder, client="c59")
    assert [due.starts for due in found.next] == [at("2027-02-09 02:00")]
