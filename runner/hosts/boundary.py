"""Error boundaries: an error on one host or site does not affect the others.

Any exception from work on one host or site becomes a `SitecrewError`, which is reported for that host or
site, and the command continues with the others. Errors of the ledger and the engine are raised, since they
say nothing about a site; `ChangedOrderError` is not, since it concerns one run.
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

_RAISED = (LedgerError, EngineError)
_DATABASES = frozenset({"dbos", "sqlalchemy", "sqlite3"})
"""Libraries of ledger and engine, whose own errors are raised too."""


class UnexpectedError(HostError):
    """An unexpected error during work on one host or site; its traceback is in a log file."""

    trace = ""
    unsent = ""
    """Id of the job that was not sent because of the error; empty if a job may be running."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Log the error; return one that names only its id, since its text may be untrusted."""
        cause = error.__cause__ if isinstance(error, NotSentError) and error.__cause__ else error
        entry = crashlog.record(cause)
        made = cls(
            f"unexpected error {entry.id}",
            hint="this is a bug in Sitecrew; please report it, with the details in .sitecrew/logs",
        )
        made.trace = entry.trace
        made.unsent = error.job if isinstance(error, NotSentError) else ""
        made.__cause__ = cause
        return made


class OverdueError(UnreachableError):
    """Reading a host or site exceeded its time limit. Its thread is abandoned; nothing was changed."""


def contained(error: Exception) -> SitecrewError:
    """Return an error as a `SitecrewError`, to be reported for its host or site.

    Raises:
        LedgerError, EngineError: the error is one of these, or comes from their libraries.
    """
    if isinstance(error, ChangedOrderError):
        return error
    if isinstance(error, _RAISED) or type(error).__module__.partition(".")[0] in _DATABASES:
        raise error
    if isinstance(error, SitecrewError) and not isinstance(error, NotSentError):
        return error
    return UnexpectedError.of(error)


def within(work: Callable[[], T]) -> T | SitecrewError:
    """Return the result of work on one host or site, or its error.

    Raises:
        LedgerError, EngineError: as `contained`.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # no error may affect the other sites
        return contained(error)


def each(
    items: Sequence[K], work: Callable[[K], T], *, at_once: int, limit: Callable[[K], float]
) -> Iterator[tuple[K, T | SitecrewError]]:
    """Read hosts or sites in parallel; yield each with its result or error, in the order of `items`.

    Args:
        items: hosts or sites.
        work: reads one of them; it must change nothing, since it may not finish.
        at_once: how many to read at a time.
        limit: returns the seconds for one, after which it gets an `OverdueError`. Its thread blocks neither
            the others nor the end of the process.

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
                if deadlines.pop(ended, None) is not None:  # otherwise it is overdue
                    results[ended] = _result(result)
            for late in [one for one, until in deadlines.items() if until <= time.monotonic()]:
                del deadlines[late]
                results[late] = OverdueError(
                    f"did not finish within {limits[late]:.0f} s",
                    hint="the others were not affected; is the host overloaded, or the connection slow?",
                )
        yield item, results.pop(number)


_End: TypeAlias = tuple[int, "T | BaseException"]


def _work(number: int, item: K, work: Callable[[K], T], ends: SimpleQueue[_End[T]]) -> None:
    try:
        ends.put((number, work(item)))
    except BaseException as error:  # noqa: BLE001  # handled in the caller's thread
        ends.put((number, error))


def _ended(ends: SimpleQueue[_End[T]], until: float) -> Iterator[_End[T]]:
    """Yield those that have ended, after waiting for the first one until `until` at most."""
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
    """Call a function repeatedly; errors are reported and do not end it.

    Args:
        work: the function; it is called at once, then in intervals.
        every: seconds between two calls.
        until: stops the loop when set.
        report: called after each call with its error, or None.
    """
    while not until.is_set():
        reported(work, report)
        until.wait(every)


def reported(work: Callable[[], object], report: Callable[[Exception | None], object]) -> None:
    """Call a function that is called again later; `report` gets its error, or None."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  # the next call may succeed
        report(error)
    else:
        report(None)
