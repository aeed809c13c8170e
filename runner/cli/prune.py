"""`ledger prune`, and the daily pruning of `serve` and `tick`."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runner.cli.open_ledger import open_for_reading, open_for_writing
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import emit_json
from runner.cli.screen import out, say
from runner.errors import ExitCode, SitecrewError, UsageError
from runner.units import count, duration, size

if TYPE_CHECKING:
    from runner.cli.log import Log
    from runner.load import Workspace
    from runner.record import Ledger, Pruned
    from runner.workflows.pruning import DailyPruning

__all__ = ["keep_pruning", "prune", "prune_if_due"]

_FIRST, _INTERVAL = 60.0, 600.0
"""Seconds until `serve` first checks whether it is time to prune, and between two checks."""
_SECONDS_PER_RUN, _LONG = 0.07, 20.0
"""Most of the time is left to other processes. An estimate is printed for what takes long."""
_NAMES = {
    "looks": ("look summarised", "looks summarised"),
    "details": ("run without its details", "runs without their details"),
    "messages": ("message", ""),
    "runs": ("run", ""),
    "summaries": ("summary of looks", "summaries of looks"),
    "versions": ("superseded version", ""),
    "windows": ("opening of a window", "openings of windows"),
    "reports": ("report", ""),
    "processes": ("ended process", "ended processes"),
    "others": ("ended schedule, pause, hold or backup", "ended schedules, pauses, holds and backups"),
}


@click.command()
@with_workspace
@operated
@click.option("--dry-run", is_flag=True, help="Show what would be pruned.")
@click.option("--compact", is_flag=True, help="Also rewrite the ledger without gaps. Writers wait meanwhile.")
@as_json
def prune(workspace: Workspace, dry_run: bool, compact: bool, json_: bool) -> int:
    """Summarise or delete records that are older than `retention` in sitecrew.yaml.

    `serve` and `tick` do this once a day. It may be used at any time, also during runs: each transaction is
    short. What a report of this or the last quarter, an undo, a hold or an open run needs is kept, and so are
    all acts.
    """
    if dry_run and compact:
        raise UsageError("--dry-run and --compact exclude each other", hint="leave one of them out")
    if dry_run:
        with open_for_reading(workspace) as found:
            pruned = _preview(workspace, found)
    else:
        with open_for_writing(workspace) as found:
            pruned = _prune(workspace, found, compact=compact)
    if json_:
        emit_json({"pruned": dict(pruned.rows), "dry_run": dry_run, "bytes": pruned.size})
        return ExitCode.OK
    rows = [(number, _noun(name, number)) for name, number in pruned.rows.items() if number]
    for number, noun in rows:
        out(f"{number:>9,}  {noun}")
    done = "would be pruned" if dry_run else "pruned"
    say(f"{'nothing' if not rows else 'this'} {done if rows else 'is old enough'}; {_size_text(pruned)}")
    return ExitCode.OK


def _preview(workspace: Workspace, ledger: Ledger) -> Pruned:
    from runner.plan import cutoffs

    return ledger.pruning.preview(cutoffs(workspace.settings.retention, datetime.now(UTC)))


def _prune(workspace: Workspace, ledger: Ledger, *, compact: bool) -> Pruned:
    from runner.workflows.pruning import prune as prune_now

    rows = _preview(workspace, ledger).rows
    seconds = (rows["details"] + rows["runs"]) * _SECONDS_PER_RUN
    if seconds > _LONG:
        say(f"takes about {duration(seconds)}; Ctrl-C stops it, and the next pruning continues")
    pruned = prune_now(workspace, ledger, datetime.now(UTC))
    if not compact:
        return pruned
    ledger.compact()
    return replace(pruned, size=ledger.size())


def keep_pruning(pruning: DailyPruning, stop: threading.Event, log: Log) -> None:
    """Prune once a day until `stop` is set."""
    from runner.hosts.boundary import repeat

    if not stop.wait(_FIRST):
        repeat(
            lambda: prune_if_due(pruning, stop, log),
            every=_INTERVAL,
            until=stop,
            report=lambda error: _log_error(error, log),
        )


def prune_if_due(pruning: DailyPruning, stop: threading.Event, log: Log) -> None:
    """Prune if it is time for it."""
    from runner.cli.log import LogEvent

    if pruned := pruning.turn(datetime.now(UTC), stop):
        found = [count(number, *_NAMES[name]) for name, number in pruned.rows.items() if number]
        what = ", ".join(found) or "nothing was old enough"
        log.write(LogEvent.PRUNED, f"ledger pruned: {what}; {_size_text(pruned)}", rows=dict(pruned.rows))


def _log_error(error: Exception | None, log: Log) -> None:
    from runner.cli.log import Level, LogEvent
    from runner.hosts.boundary import UnexpectedError

    if error is not None:
        known = error if isinstance(error, SitecrewError) else UnexpectedError.of(error)
        log.write(LogEvent.PRUNED, f"ledger not pruned: {known.with_hint}", Level.WARNING)


def _noun(name: str, number: int) -> str:
    return count(number, *_NAMES[name]).partition(" ")[2]


def _size_text(pruned: Pruned) -> str:
    return f"the ledger has {size(pruned.size)}"
