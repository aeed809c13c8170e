"""`run --plan FILE`: what goes with a locked plan, and whether it still fits."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from runner.cli.hints import retyped
from runner.cli.output import say
from runner.errors import UsageError
from runner.inspect.locked_plan import fit, plan_again
from runner.load.planfile import read_plan
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import LockedPlan, Plan, Playbook, Site

__all__ = ["fitting", "read_locked"]


def read_locked(workspace: Workspace, file: str, playbook: str | None, options: dict[str, Any]) -> LockedPlan:
    """The plan in a file; what it has decided already cannot be asked for once more."""
    locked = read_plan(Path(file))
    for flag, given in (("-t", options["tags"]), ("--start-at", filter(None, [options["start_at"]]))):
        if typed := [part for value in given for part in (flag, value)]:
            raise UsageError(
                f"{flag} does not go with --plan: {file} has its steps already",
                hint=f"plan anew: {plan_again(workspace, locked, file, *typed)}",
            )
    if playbook is not None and PurePath(playbook).stem != locked.playbook:
        raise UsageError(
            f"{file} is a plan of {locked.playbook}, not of {playbook}", hint=f"type: {retyped('run')}"
        )
    return locked


def fitting(
    workspace: Workspace, locked: LockedPlan, book: Playbook, sites: tuple[Site, ...], file: str
) -> tuple[tuple[Site, ...], Plan]:
    """The selected sites that are in the plan, and what will be done on them; says what will not be."""
    sites = tuple(site for site in sites if site.name in locked.sites)
    if not sites:
        raise UsageError(f"none of these sites is in {file}", hint=f"it has: {', '.join(locked.sites)[:200]}")
    gone = [name for name in locked.sites if name not in workspace.inventory.sites]
    for name in gone:
        say(f"{name}: is not in the inventory any more, and is left out")
    found = fit(workspace, locked, book, sites, file=file)
    for name, changes in found.newcomers.items():
        for change in changes:
            arrow = f"{change.from_version} -> {change.to_version}"
            say(f"{name}: {sentence(f'{change.item} {arrow}')} is not in the plan, and is not done")
    return sites, found.plan
