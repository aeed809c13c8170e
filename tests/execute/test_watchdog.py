"""The watchdog of blocks that may hang."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from runner.execute.watchdog import Watchdog


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog()


def test_an_overdue_block_is_reported_once(watchdog: Watchdog) -> None:
    called: list[float] = []
    overdue = threading.Event()

    def report() -> None:
        called.append(time.monotonic())
        overdue.set()

    started = time.monotonic()
    with watchdog.watch(0.1, report):
        assert overdue.wait(10)
    with watchdog.watch(0.1, overdue.clear):
        pass
    assert len(called) == 1
    assert called[0] - started >= 0.1


def test_a_short_block_is_overdue_before_an_earlier_long_one(watchdog: Watchdog) -> None:
    ends: list[str] = []
    short, long = threading.Event(), threading.Event()

    def end(name: str, event: threading.Event) -> None:
        ends.append(name)
        event.set()

    with watchdog.watch(0.3, partial(end, "long", long)), watchdog.watch(0.05, partial(end, "short", short)):
        assert short.wait(10)
        assert long.wait(10)
    assert ends == ["short", "long"]


def test_a_block_in_time_is_not_reported(watchdog: Watchdog) -> None:
    called, other = threading.Event(), threading.Event()
    with watchdog.watch(0.05, called.set):
        pass
    with watchdog.watch(0.2, other.set):
        assert other.wait(10)
    assert not called.is_set()


def test_a_report_that_hangs_does_not_delay_others(watchdog: Watchdog) -> None:
    release, second = threading.Event(), threading.Event()
    with watchdog.watch(0.0, release.wait), watchdog.watch(0.05, second.set):
        assert second.wait(10)
    release.set()


def test_blocks_share_one_thread(watchdog: Watchdog) -> None:
    before = threading.active_count()
    for _ in range(100):
        with watchdog.watch(60, before.bit_count), watchdog.watch(30, before.bit_count):
            assert threading.active_count() == before + 1
