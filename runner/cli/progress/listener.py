"""The listener that fits the options and the output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from runner.cli.progress.base import Listener, Quiet
from runner.cli.progress.json_lines import JsonLines
from runner.cli.progress.lines import Errors, Lines
from runner.cli.progress.state import RunProgress

if TYPE_CHECKING:
    from runner.model import Outcome, RunEvent

__all__ = ["is_plain", "listener"]

_PLAIN = "SITECREW_PLAIN"
_DUMB = frozenset({"dumb", "unknown"})
_LONG = timedelta(seconds=30)
"""Interval at which a long step prints its progress as a line."""


def listener(
    *,
    json_: bool,
    quiet: bool,
    verbose: int,
    live: bool = True,
    expected: Collection[Outcome] = (),
    progress: Callable[[], RunProgress] = RunProgress,
) -> Listener:
    """Return the listener for these options and this output.

    Args:
        json_: print JSON lines.
        quiet: print errors only.
        verbose: print events that are otherwise left out.
        live: allow the live view; False if something else prints to the terminal.
        expected: outcomes of sites that are not errors for this command.
        progress: returns the state before the first event.
    """
    if json_:
        return Safe(JsonLines(together=True))
    if quiet:
        return Safe(Errors(expected))
    if live and not is_plain():
        from runner.cli.progress.live import LiveView

        return Safe(LiveView(progress(), verbose=verbose))
    return Safe(Lines(verbose=verbose, every=_LONG, progress=progress()))


def is_plain() -> bool:
    """Whether progress is printed as lines: no terminal, one without cursor movement, or SITECREW_PLAIN."""
    return not sys.stderr.isatty() or os.environ.get("TERM", "") in _DUMB or bool(os.environ.get(_PLAIN))


class Safe:
    """Wraps a listener, so that an unexpected error in it ends the output but not the run."""

    def __init__(self, inner: Listener) -> None:
        self._inner: Listener = inner

    def __call__(self, event: RunEvent) -> None:
        """Pass the event to the inner listener."""
        self._try(lambda: self._inner(event))

    def tick(self) -> None:
        """Pass the call to the inner listener."""
        self._try(self._inner.tick)

    def close(self) -> None:
        """Release the terminal."""
        with suppress(Exception):
            self._inner.close()

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # output must not stop the run
            from runner.cli.crash import report_crash

            self.close()
            self._inner = Quiet()
            report_crash(error, what="progress is no longer shown: unexpected error")
