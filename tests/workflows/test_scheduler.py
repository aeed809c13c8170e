"""Each due opening of a window has one row in the ledger, whatever happens to schedulers, clock or files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from runner.model import Outcome
from runner.record import WindowState
from tests.ledgers import claim_window
from tests.workflows.scheduling import SchedulerProcess, at, rows, scheduler, write

ROOT = Path(__file__).parents[2]
WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
TUESDAY = at("2027-01-05 02:00")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
RUN, MISSED, SKIPPED = WindowState.RUN, WindowState.MISSED, WindowState.SKIPPED

TICK_AND_DIE = """\
import os, signal, sys
from pathlib import Path
from datetime import datetime
from tests.workflows.scheduling import SchedulerProcess
one = SchedulerProcess(Path(sys.argv[1]))
print(len(one.tick(datetime.fromisoformat(sys.argv[2]))), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path, now: str) -> int:
    """Tick in a process that is killed afterwards; return the number of runs that it started."""
    done = subprocess.run(
        [sys.executable, "-c", TICK_AND_DIE, str(folder), now],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return int(done.stdout)


def states(folder: Path, **where: object) -> list[tuple[str, WindowState]]:
    return [(f"{row.starts:%m-%d %H:%M}", row.state) for row in rows(folder, **where)]


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, ledger_setting: str) -> None:
    (tmp_path / "sitecrew.yaml").write_text(ledger_setting)


def test_all_runs_of_killed_scheduler_are_resumed(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, 230)
    assert killed(folder, TUESDAY.isoformat()) == 230
    with scheduler(folder) as one:
        assert len(one.tick(TUESDAY + MINUTE)) == 230
        assert len(one.works.in_hand) == 230
        assert one.tick(TUESDAY + 2 * MINUTE) == ()
        one.end(*one.works.in_hand)
        assert one.ledger.runs.list_unfinished() == ()
    assert Counter(row.state for row in rows(folder)) == {RUN: 230}


@pytest.mark.both_databases
def test_running_scheduler_resumes_run_of_killed_one(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as living:
        living.tick(TUESDAY - MINUTE)
        assert killed(folder, TUESDAY.isoformat()) == 1
        assert living.tick(TUESDAY + DAY) == ("weekly-20270105-0200-c0",)
        assert living.tick(TUESDAY + DAY) == ()


def test_client_name_that_ends_another_is_independent(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, ("big-acme", "acme"))
    with scheduler(folder) as one:
        first = one.tick(TUESDAY)
        assert len(first) == 2
        one.end("weekly-20270105-0200-acme")
        assert one.tick(TUESDAY + 7 * DAY) == ("weekly-20270112-0200-acme",)
    assert states(folder, client="big-acme") == [("01-05 02:00", RUN), ("01-12 02:00", SKIPPED)]


def test_missed_openings_have_one_row_each(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, 3)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
    with scheduler(folder) as one:
        assert one.tick(TUESDAY + 400 * DAY) == ()
        assert one.tick(TUESDAY + 400 * DAY) == ()
    found = rows(folder, client="c1")
    assert [row.starts for row in found] == [TUESDAY + n * 7 * DAY for n in range(58)]
    assert [row.state for row in found] == [RUN] + [MISSED] * 57
    assert {row.why for row in found[1:]} == {"no scheduler was running; the start deadline (1 h) passed"}


def test_only_latest_of_several_openings_is_started(tmp_path: Path):
    daily = '  daily: {playbook: hello, day: daily, at: "02:00", lasts: 4d, deadline: 3d}\n'
    folder = write(tmp_path, daily)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        assert one.tick(TUESDAY + 4 * DAY) == ("daily-20270109-0200-c0",)
    assert [state for _, state in states(folder)] == [RUN, MISSED, MISSED, MISSED, RUN]


def test_missed_openings_are_recorded_in_bounded_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runner.workflows.schedules._AT_ONCE", 500)
    folder = write(tmp_path, '  daily: {playbook: hello, day: daily, at: "02:00"}\n', 4)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        counts = []
        while len(rows(folder)) < 4 * 1001:
            before = len(rows(folder))
            one.tick(TUESDAY + 1000 * DAY + 3 * timedelta(hours=1))
            counts.append(len(rows(folder)) - before)
        assert max(counts) <= 3 * 1002
        assert len(counts) > 1
        assert one.tick(TUESDAY + 1000 * DAY + 3 * timedelta(hours=1)) == ()
    assert all(count == 1 for count in Counter((row.client, row.starts) for row in rows(folder)).values())


def test_opening_before_window_was_added_is_not_missed(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        assert one.tick(TUESDAY + 3 * DAY) == ()
    assert rows(folder) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ('  weekly: {playbook: hello, day: tuesday, at: "02:30"}\n', []),
        ('  other: {playbook: hello, day: tuesday, at: "02:00"}\n', []),
        ('  weekly: {playbook: hello, day: tuesday, at: "02:00", lasts: 3h}\n', []),
        ('  weekly: {playbook: hello, day: tuesday, at: "01:59", timezone: UTC}\n', []),
    ],
    ids=["another time", "another name", "another length", "another time, earlier"],
)
def test_changed_window_is_not_started_twice(tmp_path: Path, after: str, expected: list[str]):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        one.reload(write(tmp_path, after))
        assert one.tick(TUESDAY + 40 * MINUTE) == tuple(expected)
    assert len(rows(folder)) == 1


def test_change_while_stopped_loses_no_opening(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
    write(tmp_path, '  weekly: {playbook: hello, day: thursday, at: "02:00"}\n')
    with scheduler(folder) as one:
        one.tick(TUESDAY + 15 * DAY)
        one.end(*one.tick(TUESDAY + 16 * DAY))
    assert states(folder) == [
        ("01-05 02:00", RUN),
        ("01-12 02:00", MISSED),
        ("01-19 02:00", MISSED),
        ("01-21 02:00", RUN),
    ]


def test_startable_opening_survives_change_of_window(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.tick(TUESDAY - DAY)
    write(tmp_path, '  nightly: {playbook: hello, day: tuesday, at: "02:00", overlap: queue}\n')
    with scheduler(folder) as one:
        assert one.tick(TUESDAY + 20 * MINUTE) == ("nightly-20270105-0200-c0",)
    assert [(row.window, row.state) for row in rows(folder)] == [("nightly", RUN)]


def test_removed_client_misses_nothing(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, ("acme", "bolt"))
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        one.reload(write(tmp_path, WEEKLY, ("bolt",)))
        one.end(*one.tick(TUESDAY + 5 * DAY), *one.tick(TUESDAY + 7 * DAY))
        one.reload(write(tmp_path, WEEKLY, ("acme", "bolt")))
        assert one.tick(TUESDAY + 7 * DAY + 10 * MINUTE) == ()
        one.end(*one.tick(TUESDAY + 14 * DAY))
    assert states(folder, client="acme") == [("01-05 02:00", RUN), ("01-19 02:00", RUN)]
    assert [state for _, state in states(folder, client="bolt")] == [RUN] * 3


def test_clock_changes_repeat_and_lose_nothing(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        one.end(*one.tick(TUESDAY + 7 * DAY))
        assert one.tick(TUESDAY + 2 * DAY) == ()
        assert one.tick(TUESDAY + 7 * DAY) == ()
        assert one.tick(TUESDAY + 365 * DAY) == ()
        assert len(rows(folder)) > 50
        assert one.tick(TUESDAY + 8 * DAY) == ()
        assert one.tick(TUESDAY + 14 * DAY) == ("weekly-20270119-0200-c0",)
        assert one.tick(TUESDAY + 14 * DAY) == ()
    assert states(folder)[:3] == [("01-05 02:00", RUN), ("01-12 02:00", RUN), ("01-19 02:00", RUN)]


def test_clock_before_known_schedules_is_reported(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.end(*one.tick(TUESDAY))
        one.session.now = lambda: at("1970-01-06 02:00")  # type: ignore[method-assign]
        assert one.scheduler.tick() == ()
        assert "the clock says 1970-01-06" in one.scheduler.problems["window weekly of c0"]
        one.end(*one.tick(TUESDAY + 7 * DAY))
    assert states(folder) == [("01-05 02:00", RUN), ("01-12 02:00", RUN)]


def test_run_without_started_site_is_missed_with_reason(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        (run,) = one.tick(TUESDAY)
        one.ledger.sites.finished(run, "c0-site", Outcome.MISSED, "the window had closed", TUESDAY)
        one.ledger.runs.finished(run, Outcome.MISSED, TUESDAY)
        assert [(row.state, row.why) for row in rows(folder)] == [(MISSED, "the window had closed")]
        one.ledger.runs.reopen(run)
        one.end(run)
    assert [(row.state, row.why) for row in rows(folder)] == [(RUN, "")]


@pytest.mark.usefixtures("unexpected_errors")
@pytest.mark.both_databases
def test_opening_and_run_are_recorded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write(tmp_path, WEEKLY)

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space")

    with scheduler(folder) as one, monkeypatch.context() as patch:
        patch.setattr("runner.record.runs.add_act", fail)
        one.session.now = lambda: TUESDAY  # type: ignore[method-assign]
        one.scheduler.tick()
        assert list(one.scheduler.problems) == ["window weekly of c0"]
        assert rows(folder) == []
        assert one.ledger.runs.list_unfinished() == ()
        patch.undo()
        assert one.tick(TUESDAY + MINUTE) == ("weekly-20270105-0200-c0",)


def test_queued_window_that_waited_too_long_has_reason(tmp_path: Path):
    folder = write(tmp_path, WEEKLY.replace("}", ", overlap: queue}"))
    with scheduler(folder) as one:
        one.tick(TUESDAY)
        assert one.tick(TUESDAY + 7 * DAY) == ()
        assert one.tick(TUESDAY + 7 * DAY + 61 * MINUTE) == ()
    assert rows(folder)[-1].state is MISSED
    assert rows(folder)[-1].why.startswith("the previous run had not finished")


@pytest.mark.both_databases
def test_two_schedulers_start_a_window_once(tmp_path: Path):
    folder = write(tmp_path, WEEKLY, 20)
    with scheduler(folder) as one, scheduler(folder) as other:
        assert len({*one.tick(TUESDAY)} | {*other.tick(TUESDAY)}) == 20
        assert not one.works.in_hand & other.works.in_hand
    assert len(rows(folder)) == 20


def test_schedules_of_older_version_are_continued(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    one = SchedulerProcess(folder)
    claim_window(one.ledger, "weekly", TUESDAY, closes=TUESDAY + DAY, state=RUN, client="c0", run=None)
    with one.ledger.store.write() as connection:
        connection.exec_driver_sql(
            'INSERT INTO schedules ("window", client, since, settled) '
            'SELECT "window", client, starts, starts FROM windows'
        )
    one.tick(TUESDAY + 50 * DAY)
    one.die()
    assert [state for _, state in states(folder)] == [RUN] + [MISSED] * 7


def test_opening_survives_in_one_window_only(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        one.tick(TUESDAY - DAY)
    nightly = WEEKLY.replace("weekly", "nightly")
    write(tmp_path, nightly + WEEKLY.replace("tuesday", "[tuesday, friday]"))
    with scheduler(folder) as one:
        assert one.tick(TUESDAY + 20 * MINUTE) == ("nightly-20270105-0200-c0",)
    assert [(row.window, row.state) for row in rows(folder)] == [("nightly", RUN)]


def test_run_that_failed_in_scheduler_is_resumed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one:
        (run,) = one.tick(TUESDAY)
        one.works.in_hand.clear()
        assert one.tick(TUESDAY + MINUTE) == ()
        monkeypatch.setattr("runner.workflows.recovery._RETRY_AFTER", 0.0)
        assert one.tick(TUESDAY + MINUTE) == (run,)
        assert one.tick(TUESDAY + MINUTE) == ()
        assert one.ledger.runs.summary(run).attempt == 2


def test_schedule_that_another_scheduler_has_just_recorded_is_no_problem(tmp_path: Path):
    folder = write(tmp_path, WEEKLY)
    with scheduler(folder) as one, scheduler(folder) as other:
        one.tick(TUESDAY - DAY)
        assert other.tick(TUESDAY - DAY - timedelta(milliseconds=20)) == ()
        assert other.tick(TUESDAY) == ("weekly-20270105-0200-c0",)
