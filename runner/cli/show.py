"""Commands that only read: `list`, `show`, `backup list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.announced import announcements
from runner.cli.approvals import approvals
from runner.cli.attention import print_attention
from runner.cli.choice import interrupted_text
from runner.cli.listing import clients, holds, hosts, notices, reports, windows
from runner.cli.open_ledger import open_for_reading, open_if_exists
from runner.cli.options import MORE, as_json, selecting, with_workspace
from runner.cli.output import closest_hint, emit_json, say, table
from runner.cli.runview import print_output, print_run, print_site, pruned_text, run_text
from runner.errors import UnknownNameError, UsageError
from runner.units import ago, duration, local, size

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["backup", "list_", "show", "show_run"]


@click.group(name="list")
def list_() -> None:
    """List what is in the inventory and in the ledger."""


for _command in (announcements, approvals, clients, holds, hosts, notices, reports, windows):
    list_.add_command(_command)


@list_.command()
@with_workspace
@selecting
@click.option("--gone", is_flag=True, help="List recorded sites that are no longer in the inventory instead.")
@as_json
def sites(
    workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, gone: bool, json_: bool
) -> None:
    """List the sites of the inventory."""
    from runner.plan import select

    if gone:
        _gone_sites(workspace, json_=json_)
        return
    rows = [
        {
            "site": site.name,
            "client": site.client,
            "kind": str(site.kind),
            "url": site.url,
            "host": site.host,
            "tags": sorted(site.tags),
        }
        for site in select(workspace.inventory, limit, exclude)
    ]
    if json_:
        emit_json(rows)
    else:
        heads = ("site", "client", "kind", "host", "url")
        table(heads, [[str(row[key]) for key in heads] for row in rows])


def _gone_sites(workspace: Workspace, *, json_: bool) -> None:
    ledger = open_if_exists(workspace)
    heads = ("site", "client", "host", "url")
    rows = [
        {"site": one.name, "client": one.client, "host": one.host, "url": one.url}
        for one in (ledger.websites.list() if ledger else ())
        if one.name not in workspace.inventory.sites
    ]
    if json_:
        emit_json(rows)
    elif rows:
        table(heads, [[row[key] for key in heads] for row in rows])


@list_.command()
@with_workspace
@as_json
def playbooks(workspace: Workspace, json_: bool) -> None:
    """List playbooks: those of the workspace and the built-in ones."""
    rows = [
        {"playbook": book.name, "name": book.title, "steps": [step.kind for step in book.steps]}
        for book in workspace.playbooks.values()
    ]
    if json_:
        emit_json(rows)
    else:
        table(
            ("playbook", "name", "steps"),
            [(str(r["playbook"]), str(r["name"]), ", ".join(r["steps"])) for r in rows],
        )


@list_.command()
@as_json
def steps(json_: bool) -> None:
    """List the kinds of steps that a playbook can contain."""
    from runner.steps import registry

    rows = [{"step": kind.name, "summary": kind.summary} for kind in registry().values()]
    if json_:
        emit_json(rows)
    else:
        table(("step", "what it does"), [(row["step"], row["summary"]) for row in rows])


@list_.command()
@with_workspace
@click.option("--playbook", metavar="NAME", help="List only runs of this playbook.")
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="Number of runs to list."
)
@as_json
def runs(workspace: Workspace, playbook: str | None, count: int, json_: bool) -> None:
    """List runs, newest first."""
    ledger = open_if_exists(workspace)
    found = ledger.runs.list(limit=count, playbook=playbook) if ledger else ()
    if playbook is not None and not found and playbook not in {*workspace.playbooks, "undo", "exec"}:
        raise UnknownNameError(
            f"there is no playbook {playbook!r} and no run of it",
            hint=closest_hint(playbook, workspace.playbooks),
        )
    if json_:
        emit_json([run.as_json() for run in found])
        return
    if ledger is None:
        return
    table(
        ("run", "playbook", "started", "by", "took", "sites", "outcome"),
        [
            (
                run.run,
                run.playbook,
                ago(run.started),
                run.operator,
                duration(run.finished - run.started) if run.finished else "",
                str(run.sites),
                run_text(run),
            )
            for run in found
        ],
    )
    for run in found:
        if run.interrupted:
            say(f"{run.run}: {interrupted_text(run)}")


@click.command()
@with_workspace
@click.argument("run", default="last")
@click.option("-v", "--verbose", count=True, help=MORE)
@as_json
def show(workspace: Workspace, run: str, verbose: int, json_: bool) -> None:
    """Show the result of RUN, site by site.

    RUN is the id of a run or the start of it. Default: the last run.

    With -v, also prints each look at a site and the output of its host.
    """
    show_run(workspace, run, verbose=bool(verbose), json_=json_)


def show_run(workspace: Workspace, run: str, *, verbose: bool = False, json_: bool = False) -> None:
    """Print a run; the options are those of `show`."""
    ledger = open_for_reading(workspace)
    view = ledger.runs.show(ledger.runs.find(run))
    if json_:
        emit_json(view.as_json())
        return
    head = view.summary
    print_run(view)
    for site in view.sites:
        print_site(site, head, verbose=verbose)
        for step in ledger.steps.output(head.run, site.row.site) if verbose else ():
            if step.output:
                print_output(step)
    if head.pruned:
        say(pruned_text(head))
    is_last = ledger.runs.find("last") == head.run
    print_attention(view, playbooks=workspace.playbooks, is_last=is_last)


@click.group()
def backup() -> None:
    """List the snapshots of sites."""


@backup.command(name="list")
@with_workspace
@click.argument("site")
@as_json
def backup_list(workspace: Workspace, site: str, json_: bool) -> None:
    """List the snapshots of SITE, newest first."""
    from runner.plan import select

    if not site.strip(" ,"):
        raise UsageError("the name of the site is empty", hint="see: sitecrew list sites")
    ledger = open_if_exists(workspace)
    try:
        names = [one.name for one in select(workspace.inventory, (site,), ())]
    except UnknownNameError:
        if ledger is None or not ledger.websites.knows(site):
            raise
        names = [site]
    rows = [found for name in names for found in ledger.backups.list(name)] if ledger else []
    if json_:
        emit_json([found.as_json() for found in rows])
    elif ledger and not rows:
        say(f"there is no snapshot of {site} yet; to create one, add the step `backup` to a playbook")
    elif ledger:
        table(
            ("snapshot", "site", "taken", "size"),
            [(found.snapshot, found.site, local(found.taken), size(found.size)) for found in rows],
        )
