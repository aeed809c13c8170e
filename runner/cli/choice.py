"""Choose the run for `cancel` and `resume` without RUN: by the state of the runs, not by their age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.cli.errors import warn
from runner.cli.hints import retyped
from runner.errors import UsageError
from runner.model import State, Trigger
from runner.units import ago, count

if TYPE_CHECKING:
    from runner.model import Site
    from runner.record import Ledger, RunSummary

__all__ = ["interrupted_text", "run_to_cancel", "run_to_resume", "warn_of_interrupted"]

_SHOWN = 10


def run_to_cancel(ledger: Ledger) -> str:
    """Return the run in progress, else the interrupted one, whose jobs may still be running.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = ledger.runs.list_unfinished()
    working = [run for run in found if run.interrupted is None]
    if not found:
        ledger.runs.find("last")
        raise UsageError("no run is in progress; there is nothing to cancel", hint="see: sitecrew list runs")
    return _single("cancel", working or found, "in progress" if working else "interrupted")


def run_to_resume(ledger: Ledger) -> str:
    """Return the interrupted run, else the finished one that still has sites to do.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = ledger.runs.list_unfinished()
    interrupted = [run for run in found if run.interrupted is not None]
    candidates = interrupted or ledger.runs.list_resumable()
    if candidates:
        return _single("resume", candidates, "interrupted" if interrupted else "unfinished")
    last = ledger.runs.find("last")
    working = "; ".join(f"{run.run} is in progress" for run in found[:_SHOWN])
    raise UsageError(working or "no run was interrupted", hint=f"see: {retyped('show', last)}")


def _single(name: str, runs: Sequence[RunSummary], state: str) -> str:
    if len(runs) == 1:
        return runs[0].run
    lines = (
        f"{retyped(name, run.run)}  ({run.playbook}, {count(run.sites, 'site')}, started {ago(run.started)})"
        for run in runs[:_SHOWN]
    )
    raise UsageError(f"{len(runs)} runs are {state}: name one", hint="\n".join(lines))


def warn_of_interrupted(ledger: Ledger, sites: Sequence[Site]) -> None:
    """Print the interrupted runs of windows with these sites: a new run does not settle them."""
    names = {site.name for site in sites}
    for run in ledger.runs.list_interrupted():
        if run.trigger == Trigger.WINDOW and names & {
            row.site for row in ledger.sites.list_unfinished(run.run)
        }:
            warn(f"{run.run} was {interrupted_text(run)}")


def interrupted_text(run: RunSummary) -> str:
    """When the run was interrupted, and the command that resumes it."""
    if run.state is State.CANCELLING:
        return (
            f"cancelled, but not every host has confirmed that it stopped; `serve` asks again,"
            f" or now: {retyped('cancel', run.run)}"
        )
    return f"interrupted {ago(run.interrupted)}; to resume it: {retyped('resume', run.run)}"
