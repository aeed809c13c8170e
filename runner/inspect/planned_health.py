"""Plans after a health check of each site: what a run would apply, hold or skip because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.hosts.boundary import each
from runner.inspect.health import check_health, prober_of
from runner.inspect.identity import why_unverifiable, with_folder_check
from runner.inspect.view import view_of
from runner.model import Action, Playbook, Site, SiteFacts, SitePlan
from runner.plan import after_health_check, split_playbook, sub_sites_to_check
from runner.shell import command
from runner.steps import registry

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["with_health_checks"]

_AT_ONCE = 20
_ROUNDS = 12
"""Time limit for the health check of one site, as a multiple of `limits.look`."""


def with_health_checks(
    hosts: Hosts,
    playbook: Playbook,
    sites: Sequence[Site],
    tags: Sequence[str],
    plans: Sequence[SitePlan],
    *,
    facts: Mapping[str, SiteFacts],
) -> tuple[SitePlan, ...]:
    """Check the sites that have changes to apply, and return the plans as a run would change them."""
    look = hosts.workspace.settings.limits.look.total_seconds()
    rule, kinds = hosts.workspace.settings.policy.unverified, registry()

    def check(pair: tuple[Site, SitePlan]) -> SitePlan:
        site, plan = pair
        steps = split_playbook(playbook, site, tags=tags).steps
        tried = {step.id for step in steps if kinds[step.kind].transacts}
        released = {step.id for step in steps if kinds[step.kind].switches}
        pending = [change for change in plan.changes if change.action is Action.CHANGE]
        if plan.problems or not any(change.step in tried | released for change in pending):
            return plan
        read, remote, prober = facts.get(site.name), hosts.remote_of(site), prober_of(hosts, site)
        if read:
            read = with_folder_check(prober, remote, site, read)
        sub_sites = sub_sites_to_check(read, site, plan.changes) if read else ()
        seen = check_health(prober, remote, site, facts=read, sub_sites=sub_sites)
        again = command("run", playbook.name, "-l", site.name, "--unverified")
        view = view_of(site, seen)
        view = replace(view, unverified=view.unverified or why_unverifiable(site, read))
        return after_health_check(plan, view, rule, again=again, tried=tried)

    limit = hosts.command_limit(_ROUNDS * look)
    made = each(tuple(zip(sites, plans, strict=True)), check, at_once=_AT_ONCE, limit=lambda _: limit)
    return tuple(plan if isinstance(found, SitecrewError) else found for (_, plan), found in made)
