"""Errors of one host or site are reported for it; errors of the ledger and the engine are raised."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from runner.errors import (
    ChangedOrderError,
    EngineError,
    HostError,
    LedgerError,
    SitecrewError,
    UnreachableError,
)
from runner.hosts.boundary import OverdueError, UnexpectedError, contained, each, repeat, within


def raising(error: BaseException) -> object:
    raise error


@pytest.mark.usefixtures("unexpected_errors")
@pytest.mark.parametrize(
    "error",
    [KeyError("about"), ValueError("int"), RecursionError(), MemoryError(), AssertionError("x" * 9999)],
)
def test_unexpected_error_belongs_to_its_site(error: Exception) -> None:
    found = within(lambda: raising(error))
    assert isinstance(found, UnexpectedError)
    assert re.fullmatch(r"unexpected error [0-9a-f]{8}", str(found))
    assert "in raising" in found.trace


@pytest.mark.parametrize("error", [UnreachableError("no route"), ChangedOrderError("of one run")])
def test_own_errors_are_returned_unchanged(error: SitecrewError) -> None:
    assert within(lambda: raising(error)) is error


@pytest.mark.parametrize(
    "error", [LedgerError("full"), EngineError("gone"), sqlite3.OperationalError("locked")]
)
def test_ledger_and_engine_errors_are_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        within(lambda: raising(error))
    with pytest.raises(type(error)):
        list(each([1, 2], lambda _: raising(error), at_once=2, limit=lambda _: 5))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_interrupts_are_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        within(lambda: raising(error))


@pytest.mark.usefixtures("unexpected_errors")
def test_control_characters_in_errors_are_removed() -> None:
    found = contained(ValueError("\x1b[2J\x9b31m\u202eevil\r\n\x07"))
    assert isinstance(found, UnexpectedError)
    assert "evil" not in str(found)
    assert not {"\x1b", "\x9b", "\u202e", "\x07", "\r"} & set(found.trace)


@pytest.mark.usefixtures("unexpected_errors")
def test_each_yields_results_and_errors_in_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return 10 // (number - 2)

    found = dict(each(range(5), work, at_once=5, limit=lambda _: 5))
    assert list(found) == [0, 1, 2, 3, 4]
    assert [found[0], found[1], found[3], found[4]] == [-5, -10, 10, 5]
    assert isinstance(found[2], UnexpectedError)


def test_each_limits_parallel_work() -> None:
    working, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.01)
        with lock:
            working -= 1

    assert len(list(each(range(20), work, at_once=3, limit=lambda _: 5))) == 20
    assert most == 3


def test_stuck_item_is_overdue_and_delays_no_other() -> None:
    never = threading.Event()
    started = time.monotonic()
    found = dict(
        each(
            ["stuck", "also stuck", *"abcdef"],
            lambda name: never.wait() if "stuck" in name else name,
            at_once=2,
            limit=lambda _: 0.3,
        )
    )
    never.set()
    assert time.monotonic() - started < 2
    assert [found[name] for name in "abcdef"] == list("abcdef")
    for name in ("stuck", "also stuck"):
        assert isinstance(found[name], OverdueError)
        assert "did not finish within 0 s" in str(found[name])


def test_late_result_is_ignored() -> None:
    go, ended = threading.Event(), threading.Event()

    def work(name: str) -> str:
        if name == "late":
            go.wait()
            ended.set()
        elif name == "last":
            go.set()
            ended.wait()
            time.sleep(0.05)
        return name

    found = dict(each(["late", "last"], work, at_once=1, limit=lambda name: 0.2 if name == "late" else 9))
    assert isinstance(found["late"], OverdueError)
    assert found["last"] == "last"


def test_stuck_item_does_not_block_process_exit() -> None:
    program = (
        "import threading; from runner.hosts.boundary import each\n"
        "print(len(list(each([1], lambda _: threading.Event().wait(), at_once=1, limit=lambda _: 0.1))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert result.stdout == "1\n"


def test_repeat_reports_errors_and_continues() -> None:
    reports: list[Exception | None] = []
    stop, times = threading.Event(), iter([HostError("a"), KeyError("b"), None, None])

    def work() -> None:
        error = next(times)
        if error is not None:
            raise error

    def report(error: Exception | None) -> None:
        reports.append(error)
        if len(reports) == 4:
            stop.set()

    repeat(work, every=0.0, until=stop, report=report)
    assert [type(one) for one in reports] == [HostError, KeyError, type(None), type(None)]
