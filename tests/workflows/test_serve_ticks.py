"""`serve` continues to tick if the clock changes or a tick fails."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from runner.workflows.scheduler import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 24, 2, tzinfo=UTC)
PATIENCE = 20.0


class Ticking:
    """A fake for a scheduler and its health, with ticks and reports that a test can wait for."""

    def __init__(self) -> None:
        self.ticks: SimpleQueue[int] = SimpleQueue()
        self.reports: SimpleQueue[Exception | None] = SimpleQueue()
        self.error: Exception | None = None

    def tick(self) -> None:
        self.ticks.put(1)
        if self.error is not None:
            raise self.error

    def report(self, error: Exception | None) -> None:
        self.reports.put(error)


@pytest.fixture
def ticking() -> Iterator[Ticking]:
    found, stop = Ticking(), threading.Event()
    served: Any = found
    thread = threading.Thread(target=serve, args=(served, stop, served), daemon=True)
    thread.start()
    found.ticks.get(timeout=PATIENCE)
    yield found
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("jump", [-timedelta(days=1), -timedelta(seconds=90), timedelta(days=1)])
def test_changed_clock_does_not_stop_ticks(jump: timedelta) -> None:
    with time_machine.travel(START) as clock:
        found, stop = Ticking(), threading.Event()
        served: Any = found
        thread = threading.Thread(target=serve, args=(served, stop, served), daemon=True)
        thread.start()
        found.ticks.get(timeout=PATIENCE)
        clock.move_to(START + jump)
        for _ in range(3):
            found.ticks.get(timeout=PATIENCE)
        stop.set()
        thread.join(PATIENCE)


def test_stopped_clock_does_not_stop_ticks() -> None:
    with time_machine.travel(START, tick=False):
        found, stop = Ticking(), threading.Event()
        served: Any = found
        thread = threading.Thread(target=serve, args=(served, stop, served), daemon=True)
        thread.start()
        for _ in range(3):
            found.ticks.get(timeout=PATIENCE)
        stop.set()
        thread.join(PATIENCE)


def test_failed_tick_is_reported_and_next_one_runs(ticking: Ticking) -> None:
    assert ticking.reports.get(timeout=PATIENCE) is None
    ticking.error = OSError("no")
    while (found := ticking.reports.get(timeout=PATIENCE)) is None:
        continue
    assert found is ticking.error
    ticking.error = None
    while ticking.reports.get(timeout=PATIENCE) is not None:
        continue
