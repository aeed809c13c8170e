"""`run`: apply a playbook to sites."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from runner.cli.choice import warn_of_interrupted
from runner.cli.chosen import lists_only, print_chosen
from runner.cli.follow import follow_run, open_session
from runner.cli.hints import retyped
from runner.cli.options import (
    as_json,
    choosing_steps,
    forks,
    operated,
    selecting,
    verbosity,
    with_variables,
    with_workspace,
)
from runner.cli.plan import CHECK, STEPS, print_plan, show_plan
from runner.cli.selection import find_playbook, in_rings, select_sites
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import LockedPlan, Playbook, Site

__all__ = ["run"]


@click.command()
@with_workspace
@operated
@with_variables
@click.argument("playbook", required=False)
@click.option(
    "--plan", metavar="FILE", help="Apply the plan saved by `plan --out FILE`, exactly or not at all."
)
@selecting
@choosing_steps
@click.option(
    "--rings",
    metavar="SELECTORS",
    help="Run in rings, for example tag:ring-0,tag:ring-1,all. Default: policy.rings.order.",
)
@click.option("--confirm", is_flag=True, help="Ask before each step.")
@click.option(
    "--unverified",
    is_flag=True,
    help="Also apply changes that no health check can verify, held by `policy.unverified: ask`.",
)
@click.option("-C", "--check", "--dry-run", is_flag=True, help="Show planned changes only, like `plan`.")
@click.option("-D", "--diff", is_flag=True, help="With --check: also show held and skipped items, and why.")
@forks
@click.option("-y", "--yes", is_flag=True, help="Do not ask, not even with --confirm.")
@verbosity
@as_json
def run(workspace: Workspace, playbook: str | None, **options: Any) -> int:
    """Run PLAYBOOK on all sites, or on those selected with --limit.

    Press Ctrl-C once to finish the sites in progress and start no others, twice to cancel them.
    """
    if options["diff"] and not options["check"]:
        raise UsageError("--diff has no effect without --check", hint="add --check")
    if options["plan"]:
        return _run_locked(workspace, playbook, options)
    if playbook is None:
        raise UsageError("missing argument PLAYBOOK, or --plan FILE", hint="see: sitecrew list playbooks")
    if options["check"] or lists_only(options):
        return show_plan(workspace, playbook, detailed_exitcode=False, **options)
    book = _playbook(workspace, playbook, options)
    return _run(workspace, book, select_sites(workspace, options["limit"], options["exclude"]), options)


def _run_locked(workspace: Workspace, playbook: str | None, options: dict[str, Any]) -> int:
    """Apply the plan in `--plan FILE`, or show it with --check."""
    from runner.cli.locked import check_locked, read_locked

    file = options["plan"]
    locked = read_locked(workspace, file, playbook, options)
    options |= {"tags": locked.tags, "skip_tags": locked.skip_tags, "start_at": locked.start_at}
    book = _playbook(workspace, locked.playbook, options)
    sites = select_sites(workspace, options["limit"], options["exclude"])
    if lists_only(options):
        return print_chosen(workspace, book, [site for site in sites if site.name in locked.sites], options)
    sites, planned = check_locked(workspace, locked, book, sites, file)
    if options["check"]:
        again = retyped("run", *filter(None, [playbook]), without=CHECK)
        return print_plan(planned, options, again=again)
    return _run(workspace, book, sites, options, locked=locked)


def _playbook(workspace: Workspace, name: str, options: dict[str, Any]) -> Playbook:
    """Find the playbook; with --confirm, set it to run one step at a time."""
    from runner.cli.confirm import require_terminal

    book = find_playbook(workspace, name, **{key: options[key] for key in STEPS})
    if not book.steps:
        raise UsageError(f"playbook {book.name} has no steps")
    if not _asks(options):
        return book
    require_terminal()
    return replace(book, stepwise=True)


def _asks(options: dict[str, Any]) -> bool:
    return bool(options["confirm"] and not options["yes"])


def _run(
    workspace: Workspace,
    book: Playbook,
    sites: tuple[Site, ...],
    options: dict[str, Any],
    *,
    locked: LockedPlan | None = None,
) -> ExitCode:
    """Record the run and follow it to its end."""
    from runner.cli.confirm import StepPrompt
    from runner.workflows.orders import new_order, with_unseen
    from runner.workflows.run import begin

    with open_session(workspace, options["forks"]) as session:
        order = new_order(
            session.workspace,
            book,
            in_rings(workspace, sites, options["rings"]),
            now=session.now(),
            tags=options["tags"],
            locked=locked,
        )
        if options["unverified"]:
            order = with_unseen(order)
        warn_of_interrupted(session.ledger, sites)
        begin(session, order, trigger="manual")
        session.ask = StepPrompt(session, order.run) if _asks(options) else None
        return follow_run(session, order.run, options)
