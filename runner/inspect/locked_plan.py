"""A locked plan before it is done: its sites are read and compared with it, and nothing is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.inspect.plan import make_plan
from runner.load.planfile import place_of, plain_steps
from runner.model import Change, LockedPlan, Plan, Playbook, Site
from runner.plan import changed_steps, moved, moved_place, narrowed, newcomers
from runner.shell import command

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Fitting", "fit", "plan_again"]


@dataclass(frozen=True, slots=True)
class Fitting:
    """A locked plan that fits."""

    plan: Plan
    """What will be done."""
    newcomers: Mapping[str, tuple[Change, ...]]
    """By site, what could be done besides, and will not be."""


def fit(
    workspace: Workspace, locked: LockedPlan, playbook: Playbook, sites: Sequence[Site], *, file: str
) -> Fitting:
    """Read the sites and compare.

    Raises:
        UsageError: something is not as it was; the message has a line for each difference, site by site.
    """
    if found := [
        f"playbook {playbook.name}: {said}" for said in _about_playbook(workspace, locked, playbook)
    ]:
        raise _refusal(workspace, file, found, locked, [])
    places = {
        site.name: (
            *(f"could not be planned: {problem}" for problem in locked.sites[site.name].plan.problems),
            *moved_place(locked.sites[site.name].place, place_of(workspace, site.name)),
        )
        for site in sites
    }
    if any(places.values()):
        failed = [name for name, said in places.items() if said]
        raise _refusal(workspace, file, _lines(places), locked, failed)
    made = make_plan(workspace, playbook, sites, tags=locked.tags, looks=False)
    differences = {
        site.site: moved(locked.sites[site.site].plan.changes, site, made.facts.get(site.site))
        for site in made.sites
    }
    if any(differences.values()):
        failed = [name for name, said in differences.items() if said]
        raise _refusal(workspace, file, _lines(differences), locked, failed)
    then = {site.site: locked.sites[site.site].plan.changes for site in made.sites}
    return Fitting(
        replace(made, sites=tuple(narrowed(then[site.site], site) for site in made.sites)),
        {site.site: newcomers(then[site.site], site) for site in made.sites},
    )


def plan_again(workspace: Workspace, locked: LockedPlan, file: str, *more: str) -> str:
    """The command that makes such a plan anew, for the same sites and steps."""
    tags = (part for tag in locked.tags for part in ("-t", tag))
    start = ("--start-at", locked.start_at) if locked.start_at and "--start-at" not in more else ()
    chosen = ("-l", ",".join(name for name in locked.sites if name in workspace.inventory.sites))
    return command("plan", locked.playbook, *chosen, *tags, *start, *more, *_values(locked), "--out", file)


def _values(locked: LockedPlan) -> tuple[str, ...]:
    """-e for each variable; its value is not kept."""
    return tuple(part for name in locked.variables for part in ("-e", f"{name}=..."))


def _about_playbook(workspace: Workspace, locked: LockedPlan, playbook: Playbook) -> tuple[str, ...]:
    given = tuple(sorted(workspace.variables))
    said = (
        [] if given == locked.variables else [f"-e was given {_names(locked.variables)}, now {_names(given)}"]
    )
    return (*changed_steps(locked.steps, plain_steps(playbook)), *said)


def _names(variables: Sequence[str]) -> str:
    return ", ".join(variables) or "nothing"


def _lines(differences: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{name}: {said}" for name, found in differences.items() for said in found]


def _refusal(
    workspace: Workspace, file: str, lines: Sequence[str], locked: LockedPlan, sites: Sequence[str]
) -> UsageError:
    told = "\n".join(f"  {line}" for line in lines)
    hint = f"plan anew: {plan_again(workspace, locked, file)}"
    if sites and len(sites) < len(locked.sites):
        without = (part for name in sites for part in ("--exclude", name))
        hint += f"\nor go on without: {command('run', '--plan', file, *without, *_values(locked))}"
    return UsageError(f"{file} does not fit any more; nothing was touched\n{told}", hint=hint)
