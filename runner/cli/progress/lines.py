"""Events as lines: without a terminal, and with `-q`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from runner.cli.progress.base import Quiet
from runner.cli.progress.frame import site_text, summary
from runner.cli.progress.sentences import is_printed, sentence
from runner.cli.progress.state import RunProgress
from runner.cli.screen import say
from runner.errors import ExitCode
from runner.model import Outcome, RunEvent, exit_code
from runner.units import clock

__all__ = ["Errors", "Lines", "Write"]

_FEW = 4
"""Sites with a long step that have a line each; of more, a summary is printed."""


Write: TypeAlias = Callable[[str, datetime, RunEvent | None], object]
"""Prints a line: its text, its instant, and the event that it is about; None for progress."""


def write_with_clock(text: str, at: datetime, event: RunEvent | None) -> None:  # noqa: ARG001
    """Print a line that starts with its time."""
    say(f"{clock(at)}  {text}")


class Lines(Quiet):
    """Prints a line for each event that matters to people.

    Args:
        verbose: how often -v was given.
        every: interval at which the progress of steps that take longer is printed; None for never.
        progress: the state before the first event.
        now: returns the current time.
        write: prints a line.
    """

    def __init__(
        self,
        *,
        verbose: int = 0,
        every: timedelta | None = None,
        progress: RunProgress | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        write: Write = write_with_clock,
    ) -> None:
        self._write = write
        self._verbose, self._every, self._now = verbose, every, now
        self._start = progress or RunProgress()
        self._runs: dict[str, RunProgress] = {}
        self._printed = now()
        """When progress was printed last."""

    def __call__(self, event: RunEvent) -> None:
        """Print the event; starts and plans only if verbose."""
        if self._every is not None:
            self._runs[event.run] = self._runs.get(event.run, self._start).after(event)
        if is_printed(event, self._verbose) and (text := sentence(event)):
            self._write(text, event.at, event)
        if event.event in {"run.finished", "run.unconfirmed"}:
            self._runs.pop(event.run, None)
        self.tick()

    def tick(self) -> None:
        """Print the progress of long steps if it is time."""
        now = self._now()
        if self._every is None or now - self._printed < self._every:
            return
        for progress in self._runs.values():
            self._print_progress(progress, now, self._every)

    def _print_progress(self, progress: RunProgress, now: datetime, every: timedelta) -> None:
        long = [row for row in progress.running.values() if now - row.step_since >= every]
        if not long:
            return
        self._printed = now
        for row in long if len(long) <= _FEW else ():
            self._write(f"{row.site}: {site_text(row)}", now, None)
        if len(long) > _FEW or len(progress.sites) > 1:
            self._write(summary(progress, now), now, None)


class Errors(Quiet):
    """Prints a line for each failed site and nothing else: `-q`."""

    def __init__(
        self, expected: Collection[Outcome] = (), write: Write = lambda text, _at, _event: say(text)
    ) -> None:
        self._expected, self._write = expected, write

    def __call__(self, event: RunEvent) -> None:
        """Print the outcome of a site if its exit code is not 0."""
        if event.event != "site.finished":
            return
        outcome = Outcome(str(event.data["outcome"]))
        code = exit_code([outcome], locked=bool(event.data.get("locked")))
        if code is not ExitCode.OK and outcome not in self._expected:
            self._write(sentence(event), event.at, event)
