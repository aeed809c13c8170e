"""`run --plan FILE`: read a locked plan and check that it still applies."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from runner.cli.hints import retyped
from runner.cli.output import say
from runner.errors import UsageError
from runner.inspect.locked_plan import check_locked_plan, plan_command
from runner.load.planfile import read_plan
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import LockedPlan, Plan, Playbook, Site

__all__ = ["check_locked", "read_locked"]


def read_locked(workspace: Workspace, file: str, playbook: str | None, options: dict[str, Any]) -> LockedPlan:
    """Read a locked plan.

    Raises:
        UsageError: an option or `playbook` contradicts the plan.
    """
    locked = read_plan(Path(file))
    for flag, given in (
        ("-t", options["tags"]),
        ("--skip-tags", options["skip_tags"]),
        ("--start-at", filter(None, [options["start_at"]])),
    ):
        if typed := [part for value in given for part in (flag, value)]:
            raise UsageError(
                f"{flag} cannot be combined with --plan: the steps are fixed in {file}",
                hint=f"make a new plan: {plan_command(workspace, locked, file, *typed)}",
            )
    if playbook is not None and PurePath(playbook).stem != locked.playbook:
        raise UsageError(
            f"{file} is a plan of {locked.playbook}, not of {playbook}", hint=f"type: {retyped('run')}"
        )
    return locked


def check_locked(
    workspace: Workspace, locked: LockedPlan, book: Playbook, sites: tuple[Site, ...], file: str
) -> tuple[tuple[Site, ...], Plan]:
    """Check the plan against the sites; return the selected sites in it and their plan.

    Prints sites that are gone and changes that are available but not in the plan.
    """
    sites = tuple(site for site in sites if site.name in locked.sites)
    if not sites:
        raise UsageError(
            f"none of these sites is in {file}", hint=f"it contains: {', '.join(locked.sites)[:200]}"
        )
    for name in locked.sites:
        if name not in workspace.inventory.sites:
            say(f"{name}: left out: no longer in the inventory")
    found = check_locked_plan(workspace, locked, book, sites, file=file)
    for name, changes in found.unplanned.items():
        for change in changes:
            arrow = f"{change.from_version} -> {change.to_version}"
            say(f"{name}: {sentence(f'{change.item} {arrow}')} is not in the plan: not applied")
    return sites, found.plan
