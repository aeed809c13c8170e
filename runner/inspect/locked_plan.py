"""Check of a locked plan before it is applied: the sites are read and compared with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.inspect.plan import make_plan
from runner.load.planfile import location_of, plain_steps
from runner.model import Change, LockedPlan, Plan, Playbook, Site
from runner.plan import changed_steps, differences, location_differences, unplanned_changes, without_unplanned
from runner.shell import command

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = [
    "CheckedPlan",
    "changed_playbook",
    "check_locked_plan",
    "moved_site",
    "plan_command",
    "plan_differences",
]


@dataclass(frozen=True, slots=True)
class CheckedPlan:
    """A locked plan that still applies."""

    plan: Plan
    """What will be applied."""
    unplanned: Mapping[str, tuple[Change, ...]]
    """By site, changes that are available but not in the locked plan. They are not applied."""


def check_locked_plan(
    workspace: Workspace, locked: LockedPlan, playbook: Playbook, sites: Sequence[Site], *, file: str
) -> CheckedPlan:
    """Read the sites and compare them with the plan.

    Raises:
        UsageError: something has changed since; the message has a line for each difference, site by site.
    """
    if found := [
        f"playbook {playbook.name}: {change}" for change in changed_playbook(workspace, locked, playbook)
    ]:
        raise _refusal(workspace, file, found, locked, [])
    blocked = {
        site.name: (
            *(f"could not be planned: {problem}" for problem in locked.sites[site.name].plan.problems),
            *moved_site(workspace, locked, site.name),
        )
        for site in sites
    }
    if any(blocked.values()):
        failed = [name for name, reasons in blocked.items() if reasons]
        raise _refusal(workspace, file, _lines(blocked), locked, failed)
    made = make_plan(workspace, playbook, sites, tags=locked.tags, check_health=False)
    found_by_site = {
        site.site: differences(locked.sites[site.site].plan.changes, site, made.facts.get(site.site))
        for site in made.sites
    }
    if any(found_by_site.values()):
        failed = [name for name, reasons in found_by_site.items() if reasons]
        raise _refusal(workspace, file, _lines(found_by_site), locked, failed)
    then = {site.site: locked.sites[site.site].plan.changes for site in made.sites}
    return CheckedPlan(
        replace(made, sites=tuple(without_unplanned(then[site.site], site) for site in made.sites)),
        {site.site: unplanned_changes(then[site.site], site) for site in made.sites},
    )


def plan_differences(
    workspace: Workspace, locked: LockedPlan, playbook: Playbook, sites: Sequence[Site]
) -> Mapping[str, tuple[str, ...]]:
    """Read sites of the locked plan; return by site why it no longer applies.

    A site that cannot be read has no differences: the run finds out.
    """
    if changed := changed_playbook(workspace, locked, playbook):
        return dict.fromkeys((site.name for site in sites), changed)
    found = {site.name: moved_site(workspace, locked, site.name) for site in sites}
    left = [site for site in sites if not found[site.name]]
    made = make_plan(workspace, playbook, left, tags=locked.tags, check_health=False)
    then = {site.site: locked.sites[site.site].plan.changes for site in made.sites}
    return found | {
        site.site: differences(then[site.site], site, made.facts.get(site.site)) for site in made.sites
    }


def plan_command(workspace: Workspace, locked: LockedPlan, file: str, *more: str) -> str:
    """Return the command that makes a new plan for the same sites and steps."""
    tags = [part for tag in locked.tags for part in ("-t", tag)]
    tags += [part for tag in locked.skip_tags for part in ("--skip-tags", tag)]
    start = ("--start-at", locked.start_at) if locked.start_at and "--start-at" not in more else ()
    chosen = ("-l", ",".join(name for name in locked.sites if name in workspace.inventory.sites))
    return command("plan", locked.playbook, *chosen, *tags, *start, *more, *_values(locked), "--out", file)


def _values(locked: LockedPlan) -> tuple[str, ...]:
    """Return `-e` for each variable. Its value is not stored in the plan."""
    return tuple(part for name in locked.variables for part in ("-e", f"{name}=..."))


def moved_site(workspace: Workspace, locked: LockedPlan, site: str) -> tuple[str, ...]:
    """Describe how the inventory differs about where a site of the locked plan is."""
    return location_differences(locked.sites[site].place, location_of(workspace, site))


def changed_playbook(workspace: Workspace, locked: LockedPlan, playbook: Playbook) -> tuple[str, ...]:
    """Describe how the playbook and its variables differ from the locked plan."""
    changed = changed_steps(locked.steps, plain_steps(playbook))
    given = tuple(sorted(workspace.variables))
    if given == locked.variables:
        return changed
    return (*changed, f"variables (-e): {_names(locked.variables)} in the plan, {_names(given)} now")


def _names(variables: Sequence[str]) -> str:
    return ", ".join(variables) or "none"


def _lines(reasons_by_site: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{site}: {reason}" for site, reasons in reasons_by_site.items() for reason in reasons]


def _refusal(
    workspace: Workspace, file: str, lines: Sequence[str], locked: LockedPlan, sites: Sequence[str]
) -> UsageError:
    details = "\n".join(f"  {line}" for line in lines)
    hint = f"make a new plan: {plan_command(workspace, locked, file)}"
    if sites and len(sites) < len(locked.sites):
        without = (part for name in sites for part in ("--exclude", name))
        hint += f"\nor leave them out: {command('run', '--plan', file, *without, *_values(locked))}"
    return UsageError(f"{file} no longer applies; nothing was changed\n{details}", hint=hint)
