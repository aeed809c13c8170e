"""The boundary of a host and of a site: what goes wrong inside it stays inside it.

Whatever the work on one host or site raises becomes an error of ours, which the command reports for that
host or site, and the command goes on with the others. Errors of the ledger and of the engine pass: they say
nothing about a site. A changed order does not pass: it concerns one run.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Self, TypeAlias, TypeVar

from runner import crashlog
from runner.errors import (
    ChangedOrderError,
    EngineError,
    HostError,
    LedgerError,
    SitecrewError,
    UnreachableError,
)
from runner.execute import NotSentError

__all__ = [
    "OverdueError",
    "UnexpectedError",
    "contained",
    "each",
    "repeat",
    "reported",
    "within",
]

T = TypeVar("T")
K = TypeVar("K")

_PASSING = (LedgerError, EngineError)
_DATABASES = frozenset({"dbos", "sqlalchemy", "sqlite3"})
"""Libraries of ledger and engine, whose own errors pass too."""


class UnexpectedError(HostError):
    """An error that no code foresaw, while one host or site was worked on; its traceback is in a log."""

    trace = ""
    unsent = ""
    """Id of the job that was to be started and had not been sent; empty where one may run."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """The error on record, named by its id alone: its own text may be a stranger's."""
        cause = error.__cause__ if isinstance(error, NotSentError) and error.__cause__ else error
        entry = crashlog.record(cause)
        made = cls(
            f"unexpected error {entry.id}",
            hint="a defect of Sitecrew: details are in .sitecrew/logs, please report them",
        )
        made.trace = entry.trace
        made.unsent = error.job if isinstance(error, NotSentError) else ""
        made.__cause__ = cause
        return made


class OverdueError(UnreachableError):
    """Reading a host or site took longer than its limit. Its thread is left behind; nothing was changed."""


def contained(error: Exception) -> SitecrewError:
    """The error as one of ours, to be reported for the host or site that raised it.

    Raises:
        LedgerError, EngineError: it was one of these, or of their libraries'.
    """
    if isinstance(error, ChangedOrderError):
        return error
    if isinstance(error, _PASSING) or type(error).__module__.partition(".")[0] in _DATABASES:
        raise error
    if isinstance(error, SitecrewError) and not isinstance(error, NotSentError):
        return error
    return UnexpectedError.of(error)


def within(work: Callable[[], T]) -> T | SitecrewError:
    """What the work on one host or site returns, or why it failed.

    Raises:
        LedgerError, EngineError: as `contained`.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # whatever it is, the other sites are not concerned
        return contained(error)


def each(
    items: Sequence[K], work: Callable[[K], T], *, at_once: int, limit: Callable[[K], float]
) -> Iterator[tuple[K, T | SitecrewError]]:
    """Work on hosts or sites side by side; each with its result or its error, in the order of `items`.

    Args:
        items: hosts or sites.
        work: reads one; it must change nothing, since it may be left unfinished.
        at_once: how many side by side.
        limit: seconds for one, after which it is `OverdueError`. Its thread blocks neither the others nor the
            end of the process.

    Raises:
        LedgerError, EngineError: as `contained`.
    """
    ends: SimpleQueue[_End[T]] = SimpleQueue()
    left = deque(enumerate(items))
    limits: dict[int, float] = {}
    deadlines: dict[int, float] = {}
    results: dict[int, T | SitecrewError] = {}
    for number, item in enumerate(items):
        while number not in results:
            while left and len(deadlines) < at_once:
                mine, one = left.popleft()
                limits[mine] = limit(one)
                deadlines[mine] = time.monotonic() + limits[mine]
                threading.Thread(
                    target=_work, args=(mine, one, work, ends), name=f"each-{mine}", daemon=True
                ).start()
            for ended, result in _ended(ends, min(deadlines.values())):
                if deadlines.pop(ended, None) is not None:  # else it was given up before
                    results[ended] = _result(result)
            for late in [one for one, until in deadlines.items() if until <= time.monotonic()]:
                del deadlines[late]
                results[late] = OverdueError(
                    f"did not finish within {limits[late]:.0f} s",
                    hint="the others were done; is the host overloaded, or does it keep the connection busy?",
                )
        yield item, results.pop(number)


_End: TypeAlias = tuple[int, "T | BaseException"]


def _work(number: int, item: K, work: Callable[[K], T], ends: SimpleQueue[_End[T]]) -> None:
    try:
        ends.put((number, work(item)))
    except BaseException as error:  # noqa: BLE001  # judged in the thread of the caller
        ends.put((number, error))


def _ended(ends: SimpleQueue[_End[T]], until: float) -> Iterator[_End[T]]:
    """Those that have ended; waits for the first, not beyond `until`."""
    try:
        yield ends.get(timeout=max(until - time.monotonic(), 0.0))
        while True:
            yield ends.get_nowait()
    except Empty:
        return


def _result(result: T | BaseException) -> T | SitecrewError:
    if isinstance(result, Exception):
        return contained(result)
    if isinstance(result, BaseException):
        raise result
    return result


def repeat(
    work: Callable[[], object],
    *,
    every: float,
    until: threading.Event,
    report: Callable[[Exception | None], object],
) -> None:
    """Do something again and again; an error is reported and does not end it.

    Args:
        work: is done at once, then every so often.
        every: seconds between two times.
        until: ends it.
        report: gets each error, and None each time that all went well.
    """
    while not until.is_set():
        reported(work, report)
        until.wait(every)


def reported(work: Callable[[], object], report: Callable[[Exception | None], object]) -> None:
    """Do something once that is done again later; `report` gets its error, or None."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  # the next time may go well
        report(error)
    else:
        report(None)
