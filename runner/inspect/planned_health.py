"""What a run would say of planned changes once it has looked at each site: the same look, beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.hosts.boundary import each
from runner.inspect.health import measured, prober_of
from runner.inspect.identity import confirmed, why_unseen
from runner.inspect.view import view_of
from runner.model import Action, Playbook, Site, SiteFacts, SitePlan
from runner.plan import as_seen, cut, looked_at
from runner.shell import command
from runner.steps import registry
from runner.steps.static import ReleaseOptions

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["with_looks"]

_AT_ONCE = 20
_LOOKS = 12
"""So many times `limits.look` for one site, as `doctor` has it."""


def with_looks(
    hosts: Hosts,
    playbook: Playbook,
    sites: Sequence[Site],
    tags: Sequence[str],
    plans: Sequence[SitePlan],
    *,
    facts: Mapping[str, SiteFacts],
) -> tuple[SitePlan, ...]:
    """The plans as they are with what is seen of the sites; only those with changes to try are looked at."""
    look = hosts.workspace.settings.limits.look.total_seconds()
    rule, kinds = hosts.workspace.settings.policy.unverified, registry()

    def of_site(pair: tuple[Site, SitePlan]) -> SitePlan:
        site, plan = pair
        steps = cut(playbook, site, tags=tags).steps
        tried = {step.id for step in steps if kinds[step.kind].transacts}
        released = {step.id for step in steps if isinstance(step.options, ReleaseOptions)}
        pending = [change for change in plan.changes if change.action is Action.CHANGE]
        if plan.problems or not any(change.step in tried | released for change in pending):
            return plan
        read, remote, prober = facts.get(site.name), hosts.remote_of(site), prober_of(hosts, site)
        if read:
            read = confirmed(prober, remote, site, read)
        others = looked_at(read, site, plan.changes) if read else ()
        seen = measured(prober, remote, site, facts=read, sub_sites=others)
        again = command("run", playbook.name, "-l", site.name, "--unverified")
        view = view_of(site, seen)
        view = replace(view, unverified=view.unverified or why_unseen(site, read))
        return as_seen(plan, view, rule, again=again, tried=tried)

    limit = hosts.command_limit(_LOOKS * look)
    made = each(tuple(zip(sites, plans, strict=True)), of_site, at_once=_AT_ONCE, limit=lambda _: limit)
    return tuple(plan if isinstance(found, SitecrewError) else found for (_, plan), found in made)
