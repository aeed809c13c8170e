"""Ticks in which nothing is due read no schedules, and miss nothing that changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner.record import WindowState
from runner.workflows import idle
from tests.workflows.scheduling import SchedulerProcess, at, rows, scheduler, write

WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00", deadline: 30m}\n'
SUNDAY, TUESDAY = at("2027-01-03 12:00"), at("2027-01-05 02:00")
SECOND = timedelta(seconds=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, WEEKLY, ("acme", "bolt"))


class Reads:
    """Counts how often a scheduler reads the schedules."""

    def __init__(self, process: SchedulerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        windows = process.ledger.windows
        read = windows.schedules

        def counted() -> object:
            self.count += 1
            return read()

        monkeypatch.setattr(windows, "schedules", counted)

    def during(self, process: SchedulerProcess, now: datetime) -> int:
        before = self.count
        process.tick(now)
        return self.count - before


def settle(process: SchedulerProcess, now: datetime) -> None:
    """Tick until nothing is left to record."""
    for _ in range(3):
        process.tick(now)


def test_idle_ticks_read_no_schedules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scheduler(folder) as process:
        settle(process, SUNDAY)
        reads = Reads(process, monkeypatch)
        assert [reads.during(process, SUNDAY + number * SECOND) for number in range(1, 6)] == [0] * 5
        assert process.scheduler.next_opening is not None
        assert process.scheduler.next_opening.due == TUESDAY
        assert reads.during(process, TUESDAY - SECOND) == 0
        assert process.tick(TUESDAY) == ("weekly-20270105-0200-acme", "weekly-20270105-0200-bolt")


def test_clock_set_back_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scheduler(folder) as process:
        process.tick(SUNDAY)
        settle(process, SUNDAY + 60 * SECOND)
        reads = Reads(process, monkeypatch)
        assert reads.during(process, SUNDAY + 61 * SECOND) == 0
        assert reads.during(process, SUNDAY + 30 * SECOND) > 0


def test_clock_that_jumps_ahead_records_missed_openings(folder: Path) -> None:
    with scheduler(folder) as process:
        settle(process, SUNDAY)
        process.tick(SUNDAY + timedelta(days=30))
        assert len(rows(folder, state=WindowState.MISSED)) == 10


@pytest.mark.parametrize("change", ["another scheduler", "pause", "resume", "run", "files", "time"])
def test_change_makes_the_next_tick_a_full_one(
    change: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scheduler(folder) as process, scheduler(folder) as other:
        clients = process.ledger.pauses
        ends = SUNDAY + timedelta(days=9)
        clients.pause("bolt", until=ends.date(), ends=ends, why="", at=SUNDAY)
        settle(process, SUNDAY)
        reads = Reads(process, monkeypatch)
        assert reads.during(process, SUNDAY + SECOND) == 0
        match change:
            case "another scheduler":
                write(folder, WEEKLY.replace("02:00", "03:00"), ("acme", "bolt"))
                other.reload(folder)
                other.tick(SUNDAY + SECOND)
            case "pause":
                other.ledger.pauses.pause("acme", until=ends.date(), ends=ends, why="", at=SUNDAY)
            case "resume":
                other.ledger.pauses.resume("bolt", at=SUNDAY + SECOND)
            case "run":
                other.tick(TUESDAY)
            case "files":
                process.reload(folder)
            case "time":
                monkeypatch.setattr(idle, "_LONGEST", 0.0)
        assert reads.during(process, SUNDAY + 2 * SECOND) > 0


def test_waiting_opening_is_tried_each_tick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, WEEKLY.replace("}", ", overlap: queue}"), ("acme",))
    with scheduler(folder) as process:
        settle(process, SUNDAY)
        (first,) = process.tick(TUESDAY)
        reads = Reads(process, monkeypatch)
        week = TUESDAY + timedelta(days=7)
        assert [reads.during(process, week + number * SECOND) for number in range(3)] == [1, 1, 1]
        process.end(first)
        assert process.tick(week + 3 * SECOND) == ("weekly-20270112-0200-acme",)
