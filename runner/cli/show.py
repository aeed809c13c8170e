"""Commands that only read: what there is, and how things ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.choice import interrupted_text
from runner.cli.hints import retyped
from runner.cli.options import MORE, as_json, selecting, with_workspace
from runner.cli.output import ago, closest_hint, emit_json, say, seconds_text, table
from runner.cli.runview import print_output, print_run, print_site, run_text
from runner.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["backup", "list_", "logs", "show"]


def reading(workspace: Workspace) -> Ledger:
    """The ledger, opened so that nothing is written.

    Raises:
        UnknownNameError: there is none yet.
    """
    ledger = _reading_if_there(workspace)
    if ledger is None:
        raise UnknownNameError("there is no run yet", hint="`sitecrew run PLAYBOOK` begins one")
    return ledger


def reading_list(workspace: Workspace) -> Ledger | None:
    """As `reading`; without a ledger, says so and gives None: a list is then empty."""
    ledger = _reading_if_there(workspace)
    if ledger is None:
        say("there is no run yet; `sitecrew run PLAYBOOK` begins one")
    return ledger


def _reading_if_there(workspace: Workspace) -> Ledger | None:
    from runner.record import Ledger
    from runner.record.connection import file_of

    url = workspace.settings.ledger
    return Ledger.open(url, read_only=True) if file_of(url).exists() else None


@click.group(name="list")
def list_() -> None:
    """List sites, playbooks, steps or runs."""


@list_.command()
@with_workspace
@selecting
@click.option("--gone", is_flag=True, help="Instead: sites on record that are not in the inventory.")
@as_json
def sites(
    workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, gone: bool, json_: bool
) -> None:
    """Sites of the inventory."""
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
    ledger = reading_list(workspace)
    heads = ("site", "client", "host", "url")
    rows = [
        {"site": one.name, "client": one.client, "host": one.host, "url": one.url}
        for one in (ledger.list_websites() if ledger else ())
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
    """Playbooks, the workspace's own and the shipped ones."""
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
    """What a playbook may say."""
    from runner.steps import registry

    rows = [{"step": kind.name, "summary": kind.summary} for kind in registry().values()]
    if json_:
        emit_json(rows)
    else:
        table(("step", "what it does"), [(row["step"], row["summary"]) for row in rows])


@list_.command()
@with_workspace
@click.option("--playbook", metavar="NAME", help="Only runs of this playbook.")
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="How many, newest first."
)
@as_json
def runs(workspace: Workspace, playbook: str | None, count: int, json_: bool) -> None:
    """Runs, newest first."""
    ledger = reading_list(workspace)
    found = ledger.list_runs(limit=count, playbook=playbook) if ledger else ()
    if playbook is not None and not found and playbook not in {*workspace.playbooks, "undo"}:
        raise UnknownNameError(
            f"there is no playbook {playbook!r}, and no run of it",
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
                seconds_text((run.finished - run.started).total_seconds()) if run.finished else "",
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
    """Show how RUN ended, site by site. RUN may be the start of its name; default: the last one.

    With -v, also each look at a site, and what its host printed.
    """
    ledger = reading(workspace)
    view = ledger.show(ledger.find_run(run))
    if json_:
        emit_json(view.as_json())
        return
    head = view.summary
    print_run(view)
    for site in view.sites:
        print_site(site, head, verbose=bool(verbose))
        for step in ledger.step_output(head.run, site.row.site) if verbose else ():
            if step.output:
                print_output(step)
    if not verbose:
        say(f"\nwhat the hosts said: {retyped('logs', head.run, 'SITE')}")


@click.command()
@with_workspace
@click.argument("run")
@click.argument("site")
def logs(workspace: Workspace, run: str, site: str) -> None:
    """Print what the host of SITE said during RUN, step by step."""
    ledger = reading(workspace)
    for step in ledger.step_output(ledger.find_run(run), site):
        print_output(step)


@click.group()
def backup() -> None:
    """Snapshots of sites."""


@backup.command(name="list")
@with_workspace
@click.argument("site")
@as_json
def backup_list(workspace: Workspace, site: str, json_: bool) -> None:
    """List the snapshots of SITE, newest first."""
    from runner.plan import select

    if not site.strip(" ,"):
        raise UsageError("the name of the site is empty", hint="see: sitecrew list sites")
    ledger = reading_list(workspace)
    try:
        names = [one.name for one in select(workspace.inventory, (site,), ())]
    except UnknownNameError:
        if ledger is None or not ledger.knows_site(site):
            raise
        names = [site]
    rows = [found.as_json() for name in names for found in ledger.list_backups(name)] if ledger else []
    if json_:
        emit_json(rows)
    elif ledger and not rows:
        say(f"there is no snapshot of {site} yet; a playbook with a step `backup` takes one")
    elif ledger:
        heads = ("snapshot", "site", "taken", "bytes")
        table(heads, [[str(row[key]) for key in heads] for row in rows])
