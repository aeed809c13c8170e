"""Commands that only read: what there is, and how things ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.options import as_json, selecting, with_workspace
from runner.cli.output import ago, auto_update_text, emit_json, outcome_text, say, seconds_text, table
from runner.cli.screen import out, style
from runner.errors import UnknownNameError
from runner.model import Outcome
from runner.shell import command

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["backup", "list_", "logs", "show"]

_WIDEST = max(map(len, Outcome))


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
    from runner.record.engine import file_of

    url = workspace.settings.ledger
    return Ledger.open(url, read_only=True) if file_of(url).exists() else None


@click.group(name="list")
def list_() -> None:
    """List sites, playbooks, steps or runs."""


@list_.command()
@with_workspace
@selecting
@as_json
def sites(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], json_: bool) -> None:
    """Sites of the inventory."""
    from runner.plan import select

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
@click.option("-n", "--count", default=20, show_default=True, help="How many, newest first.")
@as_json
def runs(workspace: Workspace, playbook: str | None, count: int, json_: bool) -> None:
    """Runs, newest first."""
    ledger = reading_list(workspace)
    found = ledger.list_runs(limit=count, playbook=playbook) if ledger else ()
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
                outcome_text(run.outcome),
            )
            for run in found
        ],
    )


@click.command()
@with_workspace
@click.argument("run", default="last")
@as_json
def show(workspace: Workspace, run: str, json_: bool) -> None:
    """Show how RUN ended, site by site. RUN may be the start of its name; default: the last one."""
    ledger = reading(workspace)
    view = ledger.show(ledger.find_run(run))
    if json_:
        emit_json(view.as_json())
        return
    head = view.summary
    took = seconds_text((head.finished - head.started).total_seconds()) if head.finished else ""
    out(
        f"{style(head.run, bold=True)}  {head.playbook}  {head.started.astimezone():%Y-%m-%d %H:%M}  "
        f"{took}  {outcome_text(head.outcome)}"
    )
    for act in view.acts:
        login = "" if act.login == act.operator else f" ({act.login})"
        out(f"  {act.at.astimezone():%Y-%m-%d %H:%M}  {act.act} by {act.operator}{login} on {act.host}")
    for site in view.sites:
        row = site.row
        why = f"  {row.why}" if row.why else ""
        out(f"\n{style(row.site, bold=True)} ({row.client})  {outcome_text(row.outcome)}{why}")
        for problem in site.problems:
            out(f"  ! {problem}")
        for auto in site.auto_updates:
            state = "off" if auto.run == head.run and auto.state != "forced" else auto.state
            out(f"  ! {auto_update_text(auto.item, state, auto.forced)}")
        for step in site.steps:
            state = outcome_text(step.outcome) if step.outcome else ""
            state += " " * (_WIDEST - len(step.outcome or ""))
            line = f"  {step.step:<22} {state} {seconds_text(step.seconds):>7}"
            told = any(change.why and step.why.endswith(change.why) for change in step.changes)
            told = told or step.why == row.why
            out(line.rstrip() if told else f"{line}  {step.why}".rstrip())
            if step.trials and step.trials > 1:
                out(style(f"      tried {step.trials} times, with {step.looks} looks", dim=True))
            for change in step.changes:
                arrow = f"{change.from_version} -> {change.to_version}"
                why = f"  {change.why}" if change.why else ""
                out(f"      {change.item:<26} {arrow:<20} {outcome_text(change.outcome)}{why}")
                if change.unverified:
                    out(f"        unverified: nobody could check the site: {change.unverified}")
    say(f"\nwhat the hosts said: {command('logs', head.run, 'SITE')}")


@click.command()
@with_workspace
@click.argument("run")
@click.argument("site")
def logs(workspace: Workspace, run: str, site: str) -> None:
    """Print what the host of SITE said during RUN, step by step."""
    ledger = reading(workspace)
    for step in ledger.step_output(ledger.find_run(run), site):
        state = outcome_text(step.outcome) if step.outcome else "not begun"
        out(style(f"== {step.step}  ", bold=True) + f"{state}  {step.why}")
        if step.output:
            out(step.output.rstrip("\n"))


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

    chosen = select(workspace.inventory, (site,), ())
    ledger = reading_list(workspace)
    rows = [found.as_json() for one in chosen for found in ledger.list_backups(one.name)] if ledger else []
    if json_:
        emit_json(rows)
    elif ledger and not rows:
        say(f"there is no snapshot of {site} yet; a playbook with a step `backup` takes one")
    elif ledger:
        heads = ("snapshot", "site", "taken", "bytes")
        table(heads, [[str(row[key]) for key in heads] for row in rows])
