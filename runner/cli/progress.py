"""Print the events of a run: as a live table on a terminal, else as lines, or as JSON with --json."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Protocol, TextIO, cast

from runner.cli.hints import for_workspace
from runner.cli.output import auto_update_text, outcome_text
from runner.cli.screen import checked, fit, out_json_line, say, style
from runner.errors import ExitCode
from runner.model import Outcome, RunEvent, exit_code
from runner.units import clock, count, duration, iso, size
from runner.untrusted import few

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["Errors", "JsonLines", "Lines", "Listener", "LiveTable", "listener", "sentence"]


class Listener(Protocol):
    """Prints events; called for each one in order, from one thread."""

    def __call__(self, event: RunEvent) -> None:
        """Print the event."""

    def close(self) -> None:
        """Release the terminal."""


def listener(
    *, json_: bool, quiet: bool, verbose: int, live: bool = True, expected: Collection[Outcome] = ()
) -> Listener:
    """Return the listener for these options and this output.

    Args:
        json_: print JSON lines.
        quiet: print errors only.
        verbose: print lines, also for events that are otherwise left out.
        live: allow the live table; False if something else prints to the terminal.
        expected: outcomes of sites that are not errors for this command.
    """
    if json_:
        return Safe(JsonLines())
    if quiet:
        return Safe(Errors(expected))
    if live and sys.stderr.isatty() and not verbose:
        return Safe(LiveTable())
    return Safe(Lines(verbose=verbose))


class Safe:
    """Wraps a listener, so that an unexpected error in it ends the output but not the run."""

    def __init__(self, inner: Listener) -> None:
        self._inner: Listener = inner

    def __call__(self, event: RunEvent) -> None:
        """Pass the event to the inner listener."""
        try:
            self._inner(event)
        except Exception as error:  # noqa: BLE001  # output must not stop the run
            from runner.cli.crash import report_crash

            self.close()
            self._inner = _Silent()
            report_crash(error, what="progress is no longer shown: unexpected error")

    def close(self) -> None:
        """Release the terminal."""
        with suppress(Exception):
            self._inner.close()


class JsonLines:
    """Prints one JSON object per line on stdout."""

    def __call__(self, event: RunEvent) -> None:
        """Print the event and flush."""
        line: dict[str, Any] = {"event": event.event, "at": iso(event.at), "run": event.run}
        if event.site is not None:
            line["site"] = event.site
        if event.step is not None:
            line["step"] = event.step
        out_json_line({**line, **event.data})

    def close(self) -> None:
        """Do nothing."""


class Errors:
    """Prints a line for each failed site and nothing else: `-q`."""

    def __init__(self, expected: Collection[Outcome] = ()) -> None:
        self._expected = expected

    def __call__(self, event: RunEvent) -> None:
        """Print the outcome of a site if its exit code is not 0."""
        if event.event != "site.finished":
            return
        outcome = Outcome(str(event.data["outcome"]))
        code = exit_code([outcome], locked=bool(event.data.get("locked")))
        if code is not ExitCode.OK and outcome not in self._expected:
            say(sentence(event))

    def close(self) -> None:
        """Do nothing."""


class _Silent:
    """Prints nothing."""

    def __call__(self, event: RunEvent) -> None:
        """Ignore the event."""

    def close(self) -> None:
        """Do nothing."""


class Lines:
    """Prints a line for each event that matters to people."""

    def __init__(self, *, verbose: int = 0) -> None:
        self._verbose = verbose

    def __call__(self, event: RunEvent) -> None:
        """Print the event; starts and plans only if verbose."""
        if event.event in {"step.started", "site.started", "site.planned"} and not self._verbose:
            return
        text = sentence(event)
        if text:
            say(f"{clock(event.at)}  {text}")

    def close(self) -> None:
        """Do nothing."""


_SENTENCES: dict[str, Callable[[RunEvent], str]] = {
    "run.started": lambda e: f"run {e.run}: {e.data['playbook']} on {_count_of(e.data['sites'], 'site')}",
    "run.resumed": lambda e: f"run {e.run} resumes on {_count_of(e.data['sites'], 'site')}",
    "ring.started": lambda e: f"{_ring(e)}: {_count_of(e.data['sites'], 'site')}",
    "ring.soaking": lambda e: f"soaking until {_local(e.data['until'])}, {_ring(e)}",
    "ring.stopped": lambda e: (
        f"ring {e.data['ring']} and later: {_count_of(e.data['sites'], 'site')}{_why(e)}"
    ),
    "site.started": lambda e: f"{e.site}: started",
    "site.planned": lambda e: f"{e.site}: {_count_of(e.data['changes'], 'change')} planned",
    "step.started": lambda e: f"{e.site}: {e.step} ...",
    "step.finished": lambda e: f"{e.site}: {e.step} {_outcome(e)} {_seconds(e)}{_changes(e)}{_why(e)}",
    "step.retried": lambda e: f"{e.site}: {e.step} failed{_why(e)}; retrying in {_seconds(e)}, {_tries(e)}",
    "backup.taken": lambda e: f"{e.site}: snapshot {e.data['snapshot']}, {size(float(str(e.data['bytes'])))}",
    "link.lost": lambda e: f"{e.site}: connection lost; the job keeps running on the host; reconnecting",
    "window.run": lambda e: f"window {e.data['window']}: starts run {e.run}",
    "window.missed": lambda e: f"window {e.data['window']}: missed{_why(e)}",
    "window.skipped": lambda e: f"window {e.data['window']}: skipped{_why(e)}",
    "inventory.recognised": lambda e: str(e.data["said"]),
    "run.finished": lambda e: f"run {e.run}: {_outcome(e)}",
    "run.draining": lambda _: "finishing the sites in progress, starting no others (Ctrl-C again to cancel)",
    "run.cancelling": lambda _: "cancelling: waiting for each host to confirm that it has stopped",
    "caches.purged": lambda e: f"{e.site}: caches cleared{_purged(e)}",
    "auto_updates.held": lambda e: f"{e.site}: {_auto_updates(e)}",
    "auto_updates.failed": lambda e: (
        f"{e.site}: WordPress's automatic updates of held items could not be switched off{_why(e)}"
    ),
    "site.finished": lambda e: f"{e.site}: {_outcome(e)}{_why(e)}",
}


def _purged(event: RunEvent) -> str:
    caches: Any = event.data["caches"]
    failed: Any = event.data["failed"]
    done = f": {', '.join(caches)}" if caches else ""
    return done + (f"; not cleared: {', '.join(failed)}" if failed else "")


def _auto_updates(event: RunEvent) -> str:
    items: Any = event.data["items"]
    return "; ".join(auto_update_text(item["item"], item["state"], item["why"]) for item in items)


_SOAKING = "soaking"
"""Name of the live row for a run that is soaking."""


def sentence(event: RunEvent) -> str:
    """Return the event as a sentence; empty for events that are only for programs."""
    build = _SENTENCES.get(event.event)
    return build(event) if build else ""


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


class LiveTable:
    """Shows a row for each site in progress: its step and time. Finished sites are printed above."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, float]] = {}
        self._live: Live | None = None

    def __call__(self, event: RunEvent) -> None:
        """Update the row of the site, or print the event."""
        if event.event == "run.started" or event.event == "run.resumed":  # noqa: PLR1714  # reads as two cases
            say(sentence(event))
            self._open()
        elif event.event in {"run.draining", "run.cancelling", "ring.started", "ring.stopped"}:
            self._rows.pop(_SOAKING, None)
            self._print(sentence(event))
        elif event.event == "ring.soaking":
            self._print(sentence(event))
            self._rows[_SOAKING] = (f"until {_local(event.data['until'])}, {_ring(event)}", time.monotonic())
        elif event.site:
            self._update_row(event)
        if event.event == "run.finished":
            self.close()

    def _open(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=cast("IO[str]", Checked(sys.stderr)), highlight=False)
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=8, transient=True)
        self._live.start()

    def _update_row(self, event: RunEvent) -> None:
        site = event.site or ""
        _, since = self._rows.get(site, ("", time.monotonic()))
        if event.event == "site.started":
            self._rows[site] = ("reading the site", time.monotonic())
        elif event.event == "step.started":
            self._rows[site] = (event.step or "", since)
        elif event.event == "site.finished":
            self._rows.pop(site, None)
            took = duration(time.monotonic() - since)
            self._print(f"{site}: {_outcome(event)} in {took}{_why(event)}")
        elif event.event == "step.finished" and event.data.get("changes"):
            why = _why(event) if event.data.get("outcome") == Outcome.CHANGED else ""
            self._print(f"{site}: {event.step}{_changes(event)}{why}")

    def _print(self, text: str) -> None:
        if self._live:
            from rich.text import Text

            self._live.console.print(Text.from_ansi(fit(for_workspace(text))))
        else:
            say(text)

    def _table(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for site, (doing, since) in list(self._rows.items())[:40]:
            grid.add_row(Text(fit(site)), Text(fit(doing)), duration(time.monotonic() - since))
        return grid

    def close(self) -> None:
        """Release the terminal."""
        if self._live:
            self._live.stop()
            self._live = None


def _ring(event: RunEvent) -> str:
    return f"ring {event.data['ring']} of {event.data['of']}"


def _local(instant: Any) -> str:
    return clock(datetime.fromisoformat(str(instant)), datetime.now(UTC))


def _outcome(event: RunEvent) -> str:
    return outcome_text(Outcome(str(event.data["outcome"])))


def _seconds(event: RunEvent) -> str:
    seconds = event.data.get("seconds")
    return duration(seconds) if isinstance(seconds, float) else ""


def _tries(event: RunEvent) -> str:
    return f"try {int(str(event.data['try'])) + 1} of {event.data['of']}"


def _why(event: RunEvent) -> str:
    why = event.data.get("why")
    return f" ({why})" if why else ""


def _changes(event: RunEvent) -> str:
    changes: Any = event.data.get("changes") or ()
    done = [f"{c['item']} {c['from']} -> {c['to']}" for c in changes if c["outcome"] == Outcome.CHANGED]
    unverified = next((f"; unverified: {c['unverified']}" for c in changes if c.get("unverified")), "")
    if not done:
        return unverified
    return style(f"  {few(done, 4)}", dim=True) + unverified


def _count_of(items: Any, noun: str) -> str:
    return count(items if isinstance(items, int) else len(items), noun)
