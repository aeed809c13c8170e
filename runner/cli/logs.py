"""`logs`: the output of hosts during a run."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from runner.cli.hints import for_workspace, retyped
from runner.cli.open_ledger import open_for_reading
from runner.cli.options import as_json, with_workspace
from runner.cli.output import emit_json, outcome_text, say
from runner.cli.runview import print_output, pruned_text
from runner.cli.screen import out, style
from runner.errors import UnknownNameError, UsageError
from runner.model import is_failed
from runner.units import ago

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.load import Workspace
    from runner.record import Ledger, RunSummary, SiteRow, StepOutput

__all__ = ["logs"]


@click.command()
@with_workspace
@click.argument("run", required=False)
@click.argument("site", required=False)
@click.option("--failed", is_flag=True, help="Only the sites that failed, were unreachable, lost or undone.")
@as_json
def logs(workspace: Workspace, run: str | None, site: str | None, *, failed: bool, json_: bool) -> None:
    """Print the output of the hosts during RUN, site by site and step by step.

    RUN is the id of a run or the start of it. Default: the last run. With SITE, prints only that site. With
    SITE alone, prints the last run that had it.
    """
    ledger = open_for_reading(workspace)
    found, name = _find(workspace, ledger, run, site)
    rows = [row for row in ledger.sites.list(found) if name in {None, row.site}]
    if name and not rows:
        ledger.steps.output(found, name)
    summary = ledger.runs.summary(found)
    if failed:
        undo = any(act.act == "undo" for act in ledger.acts.list(found, limit=1))
        rows = [row for row in rows if is_failed(row.outcome, undo=undo)]
    printed = [(row, ledger.steps.output(found, row.site)) for row in rows]
    if json_:
        emit_json(_document(summary, printed))
        return
    if site is None:
        say(f"{found}, {ago(summary.started)}")
    if failed and not rows:
        again = retyped("logs", *filter(None, (run, site)), without={"failed"})
        say(f"no site failed; to see the others: {again}")
    _print(printed, heads=name is None)
    if summary.pruned:
        say(pruned_text(summary))


def _find(workspace: Workspace, ledger: Ledger, run: str | None, site: str | None) -> tuple[str, str | None]:
    """Return the run, and the name that the site had in it; None for all sites.

    A single argument is a site if a site has this name, else a run.
    """
    if site is not None and not site.strip():
        raise UsageError("the name of the site is empty", hint="see: sitecrew list sites")
    if run is not None and site is None and run != "last" and _is_site(workspace, ledger, run):
        run, site = ledger.runs.last_with_site(run), run
    try:
        found = ledger.runs.find("last" if run is None else run)
    except UnknownNameError as error:
        near = get_close_matches(run or "", workspace.inventory.sites, 1)
        if site is not None or not near:
            raise
        raise UnknownNameError(f"no run and no site {run!r}", hint=f"did you mean {near[0]}?") from error
    return found, ledger.websites.name_in_run(found, site) if site else None


def _is_site(workspace: Workspace, ledger: Ledger, name: str) -> bool:
    return name in workspace.inventory.sites or ledger.websites.knows(name)


def _print(printed: Sequence[tuple[SiteRow, Sequence[StepOutput]]], *, heads: bool) -> None:
    """Print the output of each site; with `heads`, below its name and outcome."""
    for number, (row, steps) in enumerate(printed):
        if heads:
            outcome = outcome_text(row.outcome) if row.outcome else style(row.state.value, fg="cyan")
            if number:
                out()
            out(f"{style(row.site, bold=True)}  {outcome}  {for_workspace(row.why)}".rstrip())
        for step in steps:
            print_output(step)


def _document(run: RunSummary, printed: Sequence[tuple[SiteRow, Sequence[StepOutput]]]) -> dict[str, object]:
    return {
        "run": run.run,
        "sites": [
            {
                "site": row.site,
                "outcome": row.outcome and row.outcome.value,
                "steps": [
                    {
                        "step": step.step,
                        "title": step.title,
                        "outcome": step.outcome and step.outcome.value,
                        "why": step.why,
                        "output": step.output,
                    }
                    for step in steps
                ],
            }
            for row, steps in printed
        ],
    }
