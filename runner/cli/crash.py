"""Unexpected errors: one sentence on the screen, the traceback in a file."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from runner import crashlog
from runner.cli.errors import print_error
from runner.cli.screen import OutputClosedError
from runner.errors import ExitCode, SitecrewError
from runner.untrusted import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Exit", "report_crash", "report_traces", "watch_threads"]

_PLEASE_REPORT = (
    "this is a bug in Sitecrew: please report it with the details; check them first for names of hosts"
)
_GRACE = 5.0
"""Seconds that threads still waiting for a host have to end before the process exits without them."""


def report_crash(error: BaseException, *, what: str = "unexpected error") -> None:
    """Save the traceback; print what happened, its id, the path of the file and how to report it."""
    _choose_log_folder()
    entry = crashlog.record(error)
    with suppress(OutputClosedError):
        _print(f"{what} {entry.id}: {one_line(error)}", [entry])
    crashlog.reported(entry)


def report_traces() -> None:
    """Print the paths of tracebacks that were saved for errors of a host or site."""
    if entries := crashlog.unreported():
        with suppress(OutputClosedError):
            ids = ", ".join(entry.id for entry in entries)
            _print(f"unexpected errors on hosts or sites: {ids}", entries)


def _print(message: str, entries: Sequence[crashlog.Entry]) -> None:
    paths = [str(entry.path) for entry in entries if entry.path]
    details = (
        f"details: {', '.join(paths)}" if paths else "the details could not be saved: no folder is writable"
    )
    print_error(message, (details, _PLEASE_REPORT), code=ExitCode.UNEXPECTED)


def watch_threads() -> None:
    """Report an unexpected error that ends a thread like any other."""

    def report(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None:
            name = hook.thread.name if hook.thread else "a thread"
            report_crash(hook.exc_value, what=f"{name} ended with an unexpected error")

    threading.excepthook = report


class Exit:
    """Ends the process, even if threads still wait for a host that does not answer.

    Create it before other modules register what they do at exit. It then ends the process after all of that,
    without tearing the modules down, which would take a quarter of a second of CPU.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._end)

    def __call__(self, code: int) -> NoReturn:
        """Exit with this status."""
        self._code = code
        last = threading.Timer(_GRACE, self._end)
        last.daemon = True
        last.start()
        sys.exit(code)

    def _end(self) -> None:
        if self._code is None:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(self._code)


def _choose_log_folder() -> None:
    """Log to the workspace named on the command line, in case no command has opened it."""
    from runner.load import find_workspace

    context = click.get_current_context(silent=True)
    chosen = (context.find_root().obj or {}).get("workspace") if context else None
    chosen = chosen or next((v for flag, v in pairwise(sys.argv) if flag in {"-w", "--workspace"}), None)
    with suppress(SitecrewError, OSError, RuntimeError):
        crashlog.keep_in(find_workspace(Path(chosen) if chosen else None))
