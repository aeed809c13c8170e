"""Which run a command means that names none: by the runs' states in the ledger, never by their age alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.cli.hints import retyped
from runner.cli.output import ago, say
from runner.cli.screen import style
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.model import Site
    from runner.record import Ledger, RunSummary

__all__ = ["interrupted_text", "run_to_cancel", "run_to_resume", "say_interrupted"]

_SHOWN = 10


def run_to_cancel(ledger: Ledger) -> str:
    """The run that a process works on; without one, the run that was interrupted: its jobs may still run.

    Raises:
        UsageError: there is none, or several.
    """
    found = ledger.open_runs()
    working = [run for run in found if run.interrupted is None]
    if not found:
        ledger.find_run("last")
        raise UsageError("no run is in progress; there is nothing to cancel", hint="see: sitecrew list runs")
    return _only("cancel", working or found, "in progress" if working else "interrupted")


def run_to_resume(ledger: Ledger) -> str:
    """The run that was interrupted; without one, the ended run that left something to do on its sites.

    Raises:
        UsageError: there is none, or several.
    """
    found = ledger.open_runs()
    interrupted = [run for run in found if run.interrupted is not None]
    left = interrupted or ledger.resumable_runs()
    if left:
        return _only("resume", left, "interrupted" if interrupted else "to resume")
    last = ledger.find_run("last")
    working = "; ".join(f"{run.run} is in progress" for run in found[:_SHOWN])
    raise UsageError(working or "no run was interrupted", hint=f"see: {retyped('show', last)}")


def _only(name: str, runs: Sequence[RunSummary], state: str) -> str:
    if len(runs) == 1:
        return runs[0].run
    lines = (
        f"{retyped(name, run.run)}  ({run.playbook}, {run.sites} sites, started {ago(run.started)})"
        for run in runs[:_SHOWN]
    )
    raise UsageError(f"{len(runs)} runs are {state}: name one", hint="\n".join(lines))


def say_interrupted(ledger: Ledger, sites: Sequence[Site]) -> None:
    """Name the runs that were interrupted on these sites: what is left of them is not in a new run."""
    names = {site.name for site in sites}
    for run in ledger.interrupted_runs():
        if names & {row.site for row in ledger.unfinished_sites(run.run)}:
            say(f"{style('warning:', fg='yellow', bold=True)} {run.run} was {interrupted_text(run)}")


def interrupted_text(run: RunSummary) -> str:
    """When a run was interrupted, and what to type."""
    return f"interrupted {ago(run.interrupted)}; to resume it: {retyped('resume', run.run)}"
