"""What is done with an error that no code foresaw: one sentence for the person, the traceback in a file."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from runner import crashlog
from runner.cli.screen import OutputClosedError, say, style
from runner.errors import SitecrewError
from runner.untrusted import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["leave", "report_crash", "report_traces", "watch_threads"]

_PATIENCE = 5.0
"""Seconds that threads which still wait for a host have to end, before the process ends without them."""


def report_crash(error: BaseException, *, what: str = "unexpected error") -> None:
    """Save the traceback, and print what happened, its id, where it was saved and how to report it."""
    _choose_folder()
    entry = crashlog.record(error)
    with suppress(OutputClosedError):
        say(f"{style('error:', fg='red', bold=True)} {what} {entry.id}: {one_line(error)}")
        _say_where([entry])
    crashlog.reported(entry)


def report_traces() -> None:
    """Print where the tracebacks of errors are that were reported as a host's or a site's."""
    if entries := crashlog.unreported():
        with suppress(OutputClosedError):
            numbers = ", ".join(entry.id for entry in entries)
            say(f"{style('error:', fg='red', bold=True)} unexpected errors on hosts or sites: {numbers}")
            _say_where(entries)


def _say_where(entries: Sequence[crashlog.Entry]) -> None:
    paths = [str(entry.path) for entry in entries if entry.path]
    say(f"  details: {', '.join(paths)}" if paths else "  no folder for its details can be written")
    say("  a defect of Sitecrew: please report it with its details; read them first, they may name hosts")


def watch_threads() -> None:
    """Report errors that end a thread in the same way."""

    def report(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None:
            name = hook.thread.name if hook.thread else "a thread"
            report_crash(hook.exc_value, what=f"{name} ended with an unexpected error")

    threading.excepthook = report


def leave(code: int) -> NoReturn:
    """End the process, also where threads still wait for a host that does not answer."""

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)

    last = threading.Timer(_PATIENCE, end)
    last.daemon = True
    last.start()
    sys.exit(code)


def _choose_folder() -> None:
    """The log of the workspace that the command line names, where no command has opened one."""
    from runner.load import find_workspace

    context = click.get_current_context(silent=True)
    chosen = (context.find_root().obj or {}).get("workspace") if context else None
    chosen = chosen or next((v for flag, v in pairwise(sys.argv) if flag in {"-w", "--workspace"}), None)
    with suppress(SitecrewError, OSError, RuntimeError):
        crashlog.keep_in(find_workspace(Path(chosen) if chosen else None))
