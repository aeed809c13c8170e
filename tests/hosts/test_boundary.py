"""What one host or site raises is reported for it; the ledger's and the engine's errors pass."""

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
def test_an_error_that_no_code_foresaw_is_the_sites(error: Exception) -> None:
    found = within(lambda: raising(error))
    assert isinstance(found, UnexpectedError)
    assert re.fullmatch(r"unexpected error [0-9a-f]{8}", str(found))
    assert "in raising" in found.trace


@pytest.mark.parametrize("error", [UnreachableError("no route"), ChangedOrderError("of one run")])
def test_an_error_of_ours_stays_what_it_is(error: SitecrewError) -> None:
    assert within(lambda: raising(error)) is error


@pytest.mark.parametrize(
    "error", [LedgerError("full"), EngineError("gone"), sqlite3.OperationalError("locked")]
)
def test_an_error_of_ledger_or_engine_passes(error: Exception) -> None:
    with pytest.raises(type(error)):
        within(lambda: raising(error))
    with pytest.raises(type(error)):
        list(each([1, 2], lambda _: raising(error), at_once=2, limit=lambda _: 5))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_what_ends_the_process_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        within(lambda: raising(error))


@pytest.mark.usefixtures("unexpected_errors")
def test_strangers_bytes_in_an_error_are_cleaned() -> None:
    found = contained(ValueError("\x1b[2J\x9b31m\u202eevil\r\n\x07"))
    assert isinstance(found, UnexpectedError)
    assert "evil" not in str(found)
    assert not {"\x1b", "\x9b", "\u202e", "\x07", "\r"} & set(found.trace)


@pytest.mark.usefixtures("unexpected_errors")
def test_results_come_in_order_and_errors_with_them() -> None:
    def work(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return 10 // (number - 2)

    found = dict(each(range(5), work, at_once=5, limit=lambda _: 5))
    assert list(found) == [0, 1, 2, 3, 4]
    assert [found[0], found[1], found[3], found[4]] == [-5, -10, 10, 5]
    assert isinstance(found[2], UnexpectedError)


def test_no_more_than_so_many_work_at_once() -> None:
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


def test_one_that_does_not_end_is_overdue_and_holds_up_no_other() -> None:
    never = threading.Event()
    began = time.monotonic()
    found = dict(
        each(
            ["stuck", "also stuck", *"abcdef"],
            lambda name: never.wait() if "stuck" in name else name,
            at_once=2,
            limit=lambda _: 0.3,
        )
    )
    never.set()
    assert time.monotonic() - began < 2
    assert [found[name] for name in "abcdef"] == list("abcdef")
    for name in ("stuck", "also stuck"):
        assert isinstance(found[name], OverdueError)
        assert "did not finish within 0 s" in str(found[name])


def test_a_result_that_comes_too_late_is_not_taken() -> None:
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


def test_one_that_is_stuck_does_not_keep_the_process() -> None:
    program = (
        "import threading; from runner.hosts.boundary import each\n"
        "print(len(list(each([1], lambda _: threading.Event().wait(), at_once=1, limit=lambda _: 0.1))))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert said.stdout == "1\n"


def test_a_loop_outlives_errors_and_reports_each() -> None:
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


@pytest.mark.usefixtures("unexpected_errors")
def test_every_error_of_ours_fits_a_report() -> None:
    assert isinstance(UnexpectedError.of(KeyError("x")), SitecrewError)
