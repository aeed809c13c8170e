"""`plan`: what a playbook would do, read from the sites, nothing changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.hints import for_workspace, retyped
from runner.cli.options import as_json, selecting, with_variables, with_workspace
from runner.cli.output import emit_json, say
from runner.cli.run import find_playbook, select_sites
from runner.cli.screen import out, style
from runner.errors import ExitCode
from runner.model import Action, Plan, SitePlan, first_code
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["CHECK", "as_planned", "plan", "show_plan"]

_LONGEST = 2000
CHECK = frozenset({"check", "diff"})
"""Options of `run` that make it a plan."""
_COLOURS = {Action.CHANGE: "green", Action.HOLD: "yellow", Action.SKIP: "bright_black", Action.UNKNOWN: "red"}


@click.command()
@with_workspace
@with_variables
@click.argument("playbook")
@selecting
@click.option("-t", "--tags", multiple=True, metavar="TAG", help="Only steps with one of these tags.")
@click.option("--start-at", metavar="STEP", help="Skip the steps before this one, named by id or name.")
@click.option("-D", "--diff", is_flag=True, help="Also what is held or skipped, and why each is done now.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 20 when something would change.")
@click.option("--out", metavar="FILE", help="Write the plan to FILE, to be done by `run --plan FILE`.")
@as_json
def plan(workspace: Workspace, playbook: str, **options: Any) -> int:
    """Say what PLAYBOOK would do on each site, with exact versions. Changes nothing."""
    return show_plan(workspace, playbook, **options)


def show_plan(workspace: Workspace, playbook: str, **options: Any) -> int:
    """Print the plan; returns the exit code. `options` are those of the command."""
    from runner.inspect.plan import make_plan

    book = find_playbook(workspace, playbook, tags=options["tags"], start_at=options["start_at"])
    sites = select_sites(workspace, options["limit"], options["exclude"])
    made = make_plan(workspace, book, sites, tags=options["tags"])
    for text in made.recognised:
        say(text)
    if options.get("out"):
        from runner.load.planfile import lock, write_plan

        write_plan(Path(options["out"]), lock(workspace, book, made, tags=options["tags"]))
    again = _locked(options["out"]) if options.get("out") else retyped("run", made.playbook, without=CHECK)
    return as_planned(made, options, again=again)


def _locked(file: str) -> str:
    """The command that does what FILE holds, which has the sites and the steps already."""
    return retyped("run", "--plan", file, without=CHECK | {"limit", "exclude", "tags", "start_at"})


def as_planned(made: Plan, options: dict[str, Any], *, again: str) -> ExitCode:
    """Print a plan; returns the exit code. `again` is the command that applies it."""
    if options["json_"]:
        emit_json(_document(made))
        return _exit_code(made, detailed=options.get("detailed_exitcode", False))
    for site in made.sites:
        _show(_fit_for_screen(site), everything=options["diff"])
    _sum_up(made, again)
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
                        "why": "; ".join(filter(None, (change.why, change.note))),
                    }
                    for change in site.changes
                ],
            }
            for site in made.sites
        ],
    }


def _fit_for_screen(site: SitePlan) -> SitePlan:
    """Names, versions and reasons come from the site."""
    changes = tuple(
        replace(
            change,
            item=sentence(change.item),
            from_version=sentence(change.from_version),
            to_version=sentence(change.to_version),
            why=sentence(change.why, _LONGEST),
            note=sentence(change.note, _LONGEST),
        )
        for change in site.changes
    )
    problems = tuple(sentence(problem, _LONGEST) for problem in site.problems)
    return replace(site, changes=changes, problems=problems)


def _show(site: SitePlan, *, everything: bool) -> None:
    out(f"{style(site.site, bold=True)} ({site.client})")
    for problem in site.problems:
        out(f"  {style('!', fg='red')} {for_workspace(problem)}")
    for note in site.notes:
        out(f"  {style('!', fg='yellow')} {for_workspace(note)}")
    shown = [c for c in site.changes if everything or c.action is not Action.SKIP]
    width = max((len(change.item) for change in shown), default=0)
    for change in shown:
        action = style(f"{change.action:<8}", fg=_COLOURS[change.action])
        arrow = f"{change.from_version} -> {change.to_version}" if change.to_version else change.from_version
        why = change.why if everything or change.action is not Action.CHANGE else ""
        why = "" if why in site.problems else why
        why = for_workspace("; ".join(filter(None, (why, change.note))))
        out(f"  {action} {change.item:<{width}}  {arrow:<20}  {why}".rstrip())
    if not shown and not site.problems:
        out("  no change is foreseen")


def _sum_up(made: Plan, command: str) -> None:
    changes = [change for site in made.sites for change in site.changes]
    count = {action: sum(c.action is action for c in changes) for action in Action}
    parts = [f"{count[Action.CHANGE]} to change"]
    parts += [f"{count[Action.HOLD]} held"] if count[Action.HOLD] else []
    parts += [f"{count[Action.UNKNOWN]} not known"] if count[Action.UNKNOWN] else []
    troubled = sum(bool(site.problems) for site in made.sites)
    parts += [f"{troubled} site{'s' if troubled > 1 else ''} with problems"] if troubled else []
    say(f"\n{', '.join(parts)}." + (f" To do it: {command}" if count[Action.CHANGE] else ""))


def _exit_code(made: Plan, *, detailed: bool) -> ExitCode:
    codes = {
        ExitCode.UNREACHABLE if site.unreachable else ExitCode.FAILED
        for site in made.sites
        if site.unreachable or site.problems
    }
    if detailed and any(c.action is Action.CHANGE for site in made.sites for c in site.changes):
        codes.add(ExitCode.PENDING)
    return first_code(codes)
