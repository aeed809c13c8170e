"""What is done with an error that no code foresaw: one sentence for the person, the traceback in a file.

A traceback is not printed: it may hold text of hosts and pages, which a terminal would obey.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from runner import __version__
from runner.cli.screen import say, style
from runner.errors import SitecrewError
from runner.untrusted import one_line, trace_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["leave", "report_crash", "report_traces", "watch_threads"]

_KEPT = 50
"""Files; the oldest go first."""
_PATIENCE = 5.0
"""Seconds that threads which still wait for a host have to end, before the process ends without them."""


def report_crash(error: BaseException, arguments: Sequence[str], *, what: str = "unexpected error") -> None:
    """Save the traceback, and print what happened, where it was saved and how to report it."""
    say(f"{style('error:', fg='red', bold=True)} {what}: {one_line(error)}")
    path = _saved(trace_of(error), arguments)
    if path is not None:
        say(f"  its traceback is in {path}")
        say("  this is a defect of Sitecrew: please report it with that file; read it first")


def report_traces(arguments: Sequence[str]) -> None:
    """Save the tracebacks of hosts and sites whose errors were reported as theirs, and print where."""
    if "runner.workflows.boundary" not in sys.modules:
        return
    from runner.workflows.boundary import unlogged_traces

    if (traces := unlogged_traces()) and (path := _saved("\n\n".join(traces), arguments)):
        say(f"tracebacks of unexpected errors are in {path}")


def watch_threads(arguments: Sequence[str]) -> None:
    """Report errors that end a thread in the same way."""

    def report(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None:
            name = hook.thread.name if hook.thread else "a thread"
            report_crash(hook.exc_value, arguments, what=f"{name} ended with an unexpected error")

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


def _saved(trace: str, arguments: Sequence[str]) -> Path | None:
    """Where the traceback is; None where it cannot be written."""
    import platform

    now = datetime.now(UTC)
    head = f"sitecrew {__version__}, Python {platform.python_version()}, {platform.platform()}"
    command = " ".join(word for word in arguments[:1] if word.isalpha())  # the rest may hold secrets
    text = f"{head}\n{now:%Y-%m-%d %H:%M:%S} UTC, command: {command or '?'}\n\n{trace}"
    for folder in _folders():
        with suppress(OSError, SitecrewError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / f"crash-{now:%Y%m%d-%H%M%S}-{os.getpid()}-{threading.get_ident() % 10_000}.txt"
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(text)
            for old in sorted(folder.glob("crash-*.txt"))[:-_KEPT]:
                old.unlink(missing_ok=True)
            return path
    return None


def _folders() -> list[Path]:
    """The workspace's own folder, else one of the user's."""
    from runner.load import find_workspace

    found = []
    context = click.get_current_context(silent=True)
    chosen = (context.find_root().obj or {}).get("workspace") if context else None
    chosen = chosen or _option(sys.argv)
    with suppress(SitecrewError, OSError):
        found.append(find_workspace(Path(chosen) if chosen else None) / ".sitecrew/logs")
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return [*found, Path(state) / "sitecrew/logs"]


def _option(arguments: Sequence[str]) -> str | None:
    """What `-w` names."""
    return next((value for flag, value in pairwise(arguments) if flag in {"-w", "--workspace"}), None)
