"""An older ledger is put back: nothing of the time that it lacks is run or sent again."""

from __future__ import annotations

import json
import shutil
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runner.cli.main import _run
from runner.load import load_workspace
from runner.record import Ledger, WhyNot, WindowState
from runner.record.mark import Gap, LedgerMark
from runner.record.store import now
from runner.report.data import WindowCount
from runner.report.windows import DueWindows, counted, window_points
from tests.workflows.scheduling import at, rows, scheduler, write
from tests.workflows.test_recovery import begin_run

if TYPE_CHECKING:
    from collections.abc import Iterator

DAILY = '  nightly: {playbook: hello, day: daily, at: "02:00", lasts: 3h, deadline: 2h}\n'
MONDAY = at("2027-01-04 02:00")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, DAILY)


@contextmanager
def marked(folder: Path) -> Iterator[LedgerMark]:
    with closing(Ledger.open(load_workspace(folder, environ={}).settings.ledger)) as ledger:
        yield LedgerMark(folder, ledger)


def set_mark(folder: Path, seen: str) -> None:
    """Set the time of the mark, which the clock of these tests does not reach."""
    file = folder / ".sitecrew/ledger.mark"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seen": seen}))


@pytest.fixture
def restored(folder: Path) -> Path:
    """The ledger of Monday night, put back on Tuesday at 03:00, after that night's window ran."""
    ledger, copy = folder / ".sitecrew/ledger.db", folder / "copy.db"
    with scheduler(folder) as one:
        one.end(*one.tick(MONDAY))
        begin_run(one, "hello-0", "manual")
    shutil.copy(ledger, copy)
    with scheduler(folder) as one:
        one.end(*one.tick(MONDAY + DAY), "hello-0")
    with scheduler(folder) as one:
        one.session.mark.update()
    set_mark(folder, "2027-01-05T03:00:00.000000Z")
    shutil.copy(copy, ledger)
    return folder


def test_ledger_that_goes_on_has_no_gap(folder: Path):
    for day in range(3):
        with scheduler(folder) as one:
            one.end(*one.tick(MONDAY + day * DAY))
            assert one.session.mark.gap() is None
    with marked(folder) as mark:
        assert mark.gaps() == ()


def test_window_of_gap_is_skipped_and_the_next_one_runs(restored: Path):
    with scheduler(restored) as one:
        one.session.now = lambda: MONDAY + DAY + 70 * MINUTE  # type: ignore[method-assign]
        assert one.scheduler.tick() == ()
        assert "older ledger was put back" in one.scheduler.problems["ledger"]
        one.session.now = lambda: MONDAY + 2 * DAY  # type: ignore[method-assign]
        assert one.scheduler.tick() == ("nightly-20270106-0200-c0",)
    found = [(row.state, row.why) for row in rows(restored)]
    assert found == [
        (WindowState.RUN, ""),
        (WindowState.SKIPPED, WhyNot.REPLACED),
        (WindowState.RUN, ""),
    ]


def test_run_that_the_copy_shows_in_progress_is_left_alone(restored: Path):
    with scheduler(restored) as one:
        one.session.now = lambda: MONDAY + DAY + 70 * MINUTE  # type: ignore[method-assign]
        one.scheduler.tick()
        assert one.works.in_hand == set()
        assert [run.run for run in one.ledger.runs.list_open()] == ["hello-0"]


def test_accepted_gap_is_closed_but_its_windows_stay_skipped(restored: Path):
    with marked(restored) as mark:
        gap = mark.gap()
        assert gap
        mark.accept(gap)
        assert mark.gap() is None
    with marked(restored) as mark:
        assert mark.gap() is None
        assert [one.until for one in mark.gaps()] == [gap.until]
    with scheduler(restored) as one:
        assert one.tick(MONDAY + DAY + 70 * MINUTE) == ()
    assert rows(restored)[-1].why == WhyNot.REPLACED


def test_running_scheduler_notices_that_a_gap_is_accepted(restored: Path):
    with scheduler(restored) as one, marked(restored) as mark:
        gap = one.session.mark.gap()
        assert gap
        mark.accept(gap)
        assert one.session.mark.gap() is None
        assert [found.until for found in one.session.mark.gaps()] == [gap.until]


def test_started_sites_of_open_run_end_as_lost_when_accepted(restored: Path):
    with marked(restored) as mark:
        ledger = mark._ledger
        ledger.sites.started("hello-0", "c0-site", MONDAY)
        gap = mark.gap()
        assert gap
        assert mark.accept(until_now(gap)) == ("hello-0",)
        (row,) = ledger.sites.list("hello-0")
        assert (row.outcome, row.why) == ("lost", until_now(gap).text)
        assert ledger.acts.list()[-1].act == "accept"


def until_now(gap: Gap) -> Gap:
    """The gap until now: runs of these tests start by the machine's clock."""
    return replace(gap, until=max(gap.until, now()))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"act": "x", "hash": 1, "seen": "y"}', "\0"])
def test_damaged_mark_is_ignored_and_written_again(folder: Path, text: str):
    (folder / ".sitecrew").mkdir(mode=0o700)
    (folder / ".sitecrew/ledger.mark").write_text(text)
    with scheduler(folder) as one:
        one.end(*one.tick(MONDAY))
    with marked(folder) as mark:
        assert mark.gap() is None
    assert json.loads((folder / ".sitecrew/ledger.mark").read_text())["act"] == 1


def test_command_shows_and_accepts_gap(
    restored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(restored)
    assert _run(["ledger", "gap"]) == 3
    printed = capsys.readouterr()
    assert "an older ledger was put back" in printed.out
    assert "hello-0 was in progress when it was copied" in printed.out
    assert "sitecrew ledger gap --accept" in printed.err
    assert _run(["ledger", "gap", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["gap"]["runs"] == ["hello-0"]
    assert _run(["report", "c0", "--send"]) == 2
    assert "nothing was sent: an older ledger was put back" in capsys.readouterr().err
    assert _run(["ledger", "gap", "--accept", "-y"]) == 0
    assert "the gap is accepted" in capsys.readouterr().out
    assert _run(["ledger", "gap"]) == 0
    assert _run(["ledger", "gap", "--accept", "-y"]) == 2


def test_report_claims_nothing_about_window_of_gap(restored: Path):
    with scheduler(restored) as one:
        one.session.now = lambda: MONDAY + DAY + 70 * MINUTE  # type: ignore[method-assign]
        one.scheduler.tick()
    history: Any = SimpleNamespace(windows=tuple(rows(restored)))
    assert [row.why for row in history.windows] == ["", WhyNot.REPLACED]
    assert list(window_points(history, DueWindows())) == []
    assert counted(history) == WindowCount(1, 0)
