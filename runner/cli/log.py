"""The log of `serve` and `tick`: events of runs and of the scheduler, as text or as JSON lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

import click

from runner.cli.progress.lines import Errors, Lines
from runner.cli.progress.sentences import sentence
from runner.cli.screen import fit, json_text, out_lines, say
from runner.errors import SitecrewError
from runner.model import Outcome, RunEvent
from runner.units import clock, iso, local

__all__ = ["Level", "Log", "LogEvent", "LogFormat", "level_of"]

_LONG = timedelta(seconds=30)
"""Interval at which a step that takes longer logs its progress."""


class LogFormat(StrEnum):
    """How lines of the log are written."""

    TEXT = "text"
    JSON = "json"


class Level(IntEnum):
    """How serious a line is; the numbers are those of syslog."""

    ERROR = 3
    WARNING = 4
    INFO = 6
    DEBUG = 7


class LogEvent(StrEnum):
    """Events of the scheduler itself. Scripts depend on the names; docs/json.md lists them."""

    STARTED = "serve.started"
    PROBLEM = "serve.problem"
    RECOVERED = "serve.recovered"
    RELOADED = "serve.reloaded"
    STOPPING = "serve.stopping"
    RUN_RECOVERED = "run.recovered"
    RUN_NOT_RECOVERED = "run.not_recovered"
    MAIL = "mail.tried"
    NOTICE = "notice.tried"
    PRUNED = "ledger.pruned"
    ANNOUNCEMENT = "announcement.tried"
    ERROR = "error"


_BAD = frozenset({Outcome.FAILED, Outcome.LOST, Outcome.UNREACHABLE})
_NOT_GOOD = frozenset({Outcome.UNDONE, Outcome.MISSED})
_WARNINGS = frozenset(
    {"window.missed", "ring.stopped", "step.retried", "trial.undone", "auto_updates.failed"}
)
_DETAILS = frozenset({"site.started", "site.planned", "step.started", "step.progress", "trial.started"})


def level_of(event: RunEvent) -> Level:
    """Return how serious an event of a run is."""
    outcome = event.data.get("outcome")
    if event.event in _WARNINGS or outcome in _NOT_GOOD:
        return Level.WARNING
    if outcome in _BAD:
        return Level.ERROR
    return Level.DEBUG if event.event in _DETAILS else Level.INFO


class Log:
    """Writes text to stderr, or JSON lines to stdout. Each entry is one line without secrets.

    Args:
        as_json: write JSON lines.
        quiet: write only errors as text; JSON lines are always complete.
        verbose: how often -v was given, for text.
        redact: replaces secrets in a text.
    """

    def __init__(self, *, as_json: bool, quiet: bool, verbose: int, redact: Callable[[str], str]) -> None:
        self._as_json, self._quiet, self._redact = as_json, quiet, redact
        self._journal = _is_journal()
        self._windows: dict[str, str] = {}
        """By run in progress, its window."""
        self._lines = (
            Errors(write=self._print_event)
            if quiet
            else Lines(verbose=verbose, every=_LONG, write=self._print_event)
        )

    def __call__(self, event: RunEvent) -> None:
        """Write an event of a run."""
        if not self._as_json:
            self._lines(event)
            return
        data = {"site": event.site, "step": event.step, **event.data}
        if event.event == "window.run":
            self._windows[event.run] = str(event.data["window"])
        if window := self._windows.get(event.run):
            data["window"] = window
        if event.event in {"run.finished", "run.unconfirmed"}:
            self._windows.pop(event.run, None)
        head = {"event": event.event, "at": iso(event.at), "level": level_of(event).name.lower()}
        self._write_json({**head, "message": sentence(event), "run": event.run, **data})

    def tick(self) -> None:
        """Log the progress of long steps if it is time."""
        if not self._as_json:
            self._lines.tick()

    def close(self) -> None:
        """Do nothing: each line is written at once."""

    def write(
        self, event: LogEvent, message: str, level: Level = Level.INFO, *, run: str = "", **data: object
    ) -> None:
        """Write an event of the scheduler."""
        now = datetime.now(UTC)
        if self._as_json:
            head = {"event": event.value, "at": iso(now), "level": level.name.lower()}
            self._write_json({**head, "message": message, "run": run, **data})
        elif not self._quiet or level <= Level.WARNING:
            self._print(message, now, level)

    def error(self, error: SitecrewError) -> None:
        """Write an error of a run, with its hint."""
        if not self._as_json:
            self._print(error.with_hint, datetime.now(UTC), Level.ERROR)
        else:
            code = int(error.exit_code)
            self.write(LogEvent.ERROR, str(error), Level.ERROR, hint=error.hint, code=code)

    def _write_json(self, document: Mapping[str, object]) -> None:
        given = {name: value for name, value in document.items() if value is not None or name == "next"}
        message = click.unstyle(fit(_one_line(str(given["message"]))))
        document = _redacted({**given, "message": message}, self._redact)
        out_lines([json_text(document, default=str)])

    def _print_event(self, text: str, at: datetime, event: RunEvent | None) -> None:
        self._print(text, at, level_of(event) if event else Level.INFO)

    def _print(self, text: str, at: datetime, level: Level) -> None:
        line = self._redact(_one_line(text))
        if self._journal:  # which has the time, and reads the level from the start of the line
            say(f"<{level}>{line}", wrapped=False)
            return
        time = clock(at) if sys.stderr.isatty() else local(at, seconds=True)
        say(f"{time}  {line}")


def _one_line(text: str) -> str:
    return " ".join(text.split("\n")).strip()


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _redacted(one, redact) for name, one in value.items()}
    return [_redacted(one, redact) for one in value] if isinstance(value, list | tuple) else value


def _is_journal() -> bool:
    """Whether stderr is connected to systemd's journal."""
    with suppress(OSError, ValueError):
        found = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False
