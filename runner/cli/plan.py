"""`plan`: show what a playbook would change, without changing anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.chosen import lists_only, print_chosen
from runner.cli.hints import retyped
from runner.cli.open_ledger import open_if_exists
from runner.cli.options import as_json, choosing_steps, selecting, verbosity, with_variables, with_workspace
from runner.cli.output import emit_json, say
from runner.cli.planview import forecasts_json, print_forecasts, print_site, print_totals
from runner.cli.selection import find_playbook, select_sites
from runner.errors import ExitCode
from runner.model import Action, Plan, first_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.load import Workspace
    from runner.model import Playbook, Site
    from runner.plan import Forecast

__all__ = ["CHECK", "STEPS", "plan", "print_plan", "show_plan"]

CHECK = frozenset({"check", "diff"})
"""Options of `run` that only show a plan."""
STEPS = frozenset({"tags", "skip_tags", "start_at"})
"""Options that choose steps of the playbook."""


@click.command()
@with_workspace
@with_variables
@click.argument("playbook")
@selecting
@choosing_steps
@click.option("-D", "--diff", is_flag=True, help="Also show held and skipped items, and the reason for each.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 20 if there are changes to apply.")
@click.option("--out", metavar="FILE", help="Save the plan to FILE, for `run --plan FILE`.")
@verbosity
@as_json
def plan(workspace: Workspace, playbook: str, **options: Any) -> int:
    """Show what PLAYBOOK would change on each site, with exact versions, without applying it.

    With -q, prints only sites with problems. With -v, prints the same as with --diff.
    """
    return show_plan(workspace, playbook, **options)


def show_plan(workspace: Workspace, playbook: str, **options: Any) -> int:
    """Make and print the plan; return the exit code. `options` are those of the command."""
    from runner.inspect.plan import make_plan

    book = find_playbook(workspace, playbook, **{name: options[name] for name in STEPS})
    sites = select_sites(workspace, options["limit"], options["exclude"])
    if lists_only(options):
        return print_chosen(workspace, book, sites, options)
    made = make_plan(workspace, book, sites, tags=options["tags"])
    for text in made.recognised:
        say(text)
    windows = _windows(workspace, book, sites)
    if options.get("out"):
        from runner.load.planfile import lock_plan, write_plan

        write_plan(Path(options["out"]), lock_plan(workspace, book, made, tags=options["tags"]))
    again = (
        _run_locked(options["out"]) if options.get("out") else retyped("run", made.playbook, without=CHECK)
    )
    return print_plan(made, options, again=again, windows=windows)


def _run_locked(file: str) -> str:
    """Return the command that applies the plan in FILE, without options that the plan contains."""
    return retyped("run", "--plan", file, without=CHECK | {"limit", "exclude"} | STEPS)


def _windows(
    workspace: Workspace, book: Playbook, sites: Sequence[Site]
) -> Mapping[tuple[str, str], Forecast]:
    """Return forecasts of the windows that run the playbook for clients of these sites."""
    from runner.inspect.durations import Forecasts

    forecasts = Forecasts(workspace, open_if_exists(workspace, quiet=True))
    return forecasts.of_playbook(book.name, {site.client for site in sites})


def print_plan(
    made: Plan,
    options: dict[str, Any],
    *,
    again: str,
    windows: Mapping[tuple[str, str], Forecast] | None = None,
) -> ExitCode:
    """Print a plan and return the exit code.

    Args:
        made: the plan.
        options: those of the command.
        again: the command that applies it.
        windows: forecasts of the windows that apply such a plan.
    """
    windows = windows or {}
    if options["json_"]:
        emit_json(_document(made) | {"windows": forecasts_json(windows)})
    else:
        for site in made.sites:
            if site.problems or not options["quiet"]:
                print_site(site, everything=bool(options["diff"] or options["verbose"]))
        if not options["quiet"]:
            print_totals(made, again)
            print_forecasts(windows)
    return _exit_code(made, detailed=options.get("detailed_exitcode", False))


def _document(made: Plan) -> dict[str, Any]:
    return {
        "playbook": made.playbook,
        "sites": [
            {
                "site": site.site,
                "client": site.client,
                "problems": list(site.problems),
                "notes": list(site.notes),
                "unreachable": site.unreachable,
                "changes": [
                    {
                        "step": change.step,
                        "item": change.item,
                        "kind": str(change.kind),
                        "title": change.title,
                        "from": change.from_version,
                        "to": change.to_version,
                        "action": str(change.action),
                        "security": change.security,
                        "why": "; ".join(filter(None, (change.why, change.note))),
                    }
                    for change in site.changes
                ],
            }
            for site in made.sites
        ],
    }


def _exit_code(made: Plan, *, detailed: bool) -> ExitCode:
    codes = {
        ExitCode.UNREACHABLE if site.unreachable else ExitCode.FAILED
        for site in made.sites
        if site.unreachable or site.problems
    }
    if detailed and any(c.action is Action.CHANGE for site in made.sites for c in site.changes):
        codes.add(ExitCode.PENDING)
    return first_code(codes)
