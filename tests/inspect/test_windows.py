"""Doctor reports windows that no scheduler has recorded, and openings that were missed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.errors import ExitCode
from runner.inspect.windows import about_windows
from runner.load import load_workspace
from tests.workflows.scheduling import at, scheduler, write

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
MONDAY, TUESDAY = at("2027-01-04 02:00"), at("2027-01-05 02:00")
MINUTE = timedelta(minutes=1)


def findings(folder: Path, now: datetime) -> list[tuple[ExitCode, str]]:
    workspace = load_workspace(folder)
    sites = tuple(workspace.inventory.sites.values())
    return [(check.code, check.finding) for check in about_windows(workspace, sites, now)]


def test_unrecorded_windows_are_reported_until_a_scheduler_runs(tmp_path: Path) -> None:
    folder = write(tmp_path, WEEKLY, 5)
    with scheduler(folder):
        [(code, finding)] = findings(folder, MONDAY)
    assert code is ExitCode.OK
    assert finding.startswith("no scheduler has picked up window weekly of ")
    assert finding.endswith(" and 2 more yet")
    with scheduler(folder) as one:
        one.tick(MONDAY)
    assert findings(folder, MONDAY + MINUTE) == []


def test_missed_opening_is_a_failure(tmp_path: Path) -> None:
    folder = write(tmp_path, WEEKLY, 1)
    with scheduler(folder) as one:
        one.tick(MONDAY)
    assert findings(folder, TUESDAY + 30 * MINUTE) == []  # it can still start
    [(code, finding)] = findings(folder, TUESDAY + 90 * MINUTE)
    assert code is ExitCode.FAILED
    assert "opened but did not start, first on 2027-01-05 02:00 UTC" in finding
    with scheduler(folder) as one:
        one.tick(TUESDAY + 91 * MINUTE)
    assert findings(folder, TUESDAY + 92 * MINUTE) == []


def test_window_whose_dates_have_passed_is_reported(tmp_path: Path) -> None:
    folder = write(tmp_path, WEEKLY.replace("day: tuesday", "date: [2027-01-05, 2026-12-01]"), 1)
    with scheduler(folder) as one:
        one.tick(MONDAY)
        one.end(*one.tick(TUESDAY))
    assert findings(folder, TUESDAY + 12 * 60 * MINUTE) == []
    assert findings(folder, TUESDAY + 36 * 60 * MINUTE) == [
        (ExitCode.OK, "window weekly does not open again: 2027-01-05 has passed")
    ]


def test_no_windows_give_no_findings(tmp_path: Path) -> None:
    folder = write(tmp_path, "  {}\n", 1)
    with scheduler(folder):
        assert findings(folder, TUESDAY) == []
