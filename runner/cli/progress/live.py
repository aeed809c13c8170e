"""The live view on a terminal: finished sites above, sites in progress and a summary below."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from runner.cli.hints import for_workspace
from runner.cli.output import outcome_text
from runner.cli.progress.base import Quiet
from runner.cli.progress.frame import frame
from runner.cli.progress.sentences import is_printed, sentence
from runner.cli.progress.state import RunProgress
from runner.cli.screen import checked, fit, say
from runner.model import Outcome, RunEvent
from runner.units import duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["LiveView"]

_REFRESHES = 4
"""A second."""
_SHOWN_BY_VIEW = frozenset({"backup.taken", "caches.purged", "run.finished"})
"""Events that are printed only if verbose: the view shows them, or what follows the run does."""


class LiveView(Quiet):
    """Shows a row for each site in progress. Finished sites and changes are printed above.

    Args:
        progress: the state before the first event.
        verbose: how often -v was given; adds lines above.
    """

    def __init__(self, progress: RunProgress | None = None, *, verbose: int = 0) -> None:
        self._progress, self._verbose = progress or RunProgress(), verbose
        self._console: Console | None = None
        self._live: Live | None = None

    def __call__(self, event: RunEvent) -> None:
        """Update the view, or print the event above it."""
        before, self._progress = self._progress, self._progress.after(event)
        if text := self._line(event, before):
            self._print(text)
        if event.event in {"run.started", "run.resumed"}:
            self._open()
        if event.event in {"run.finished", "run.unconfirmed"}:
            self.close()

    def close(self) -> None:
        """Release the terminal."""
        if self._live:
            self._live.stop()
            self._live = None

    def _line(self, event: RunEvent, before: RunProgress) -> str:
        """Return the line to print for an event; empty for none."""
        row = before.running.get(event.site or "")
        if event.event == "site.finished" and row is not None:
            took = duration((event.at - row.since).total_seconds())
            why = f" ({event.data['why']})" if event.data.get("why") else ""
            return f"{event.site}: {outcome_text(Outcome(str(event.data['outcome'])))} in {took}{why}"
        if not self._verbose:
            if event.event in _SHOWN_BY_VIEW:
                return ""
            if event.event == "step.finished" and not event.data.get("changes"):
                return ""
        return sentence(event) if is_printed(event, self._verbose) else ""

    def _open(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=cast("IO[str]", Checked(sys.stderr)), highlight=False)
        self._live = Live(
            get_renderable=self._frame,
            console=self._console,
            refresh_per_second=_REFRESHES,
            transient=True,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def _frame(self) -> Any:
        from rich.text import Text

        assert self._console is not None  # noqa: S101  # the view is open
        size = self._console.size
        lines = frame(self._progress, datetime.now(UTC), size.width, size.height)
        return Text.from_ansi("\n".join(map(fit, lines)), no_wrap=True, overflow="crop")

    def _print(self, text: str) -> None:
        if self._live:
            from rich.text import Text

            self._live.console.print(Text.from_ansi(fit(for_workspace(text))))
        else:
            say(text)


class Checked:
    """A text stream that handles a closed reader, also when another thread draws to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text; drop it if the stream is closed."""
        with checked(err=True):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        with checked(err=True):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
