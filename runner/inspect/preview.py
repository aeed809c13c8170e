"""Plans of sites: hosts are read in parallel, then each site is planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError, UnreachableError
from runner.hosts.boundary import each, within
from runner.hosts.sudo import sudo_problems
from runner.inspect.composer import COMPOSER_LIMIT
from runner.inspect.edits import with_local_edits
from runner.inspect.facts import READ_LIMIT, read_facts, with_published_offers
from runner.inspect.health import prober_of
from runner.inspect.packages import SystemPreview, preview_systems
from runner.model import Client, Playbook, Policy, Site, SiteFacts, SitePlan, Step
from runner.plan import (
    PolicyInput,
    Segment,
    SystemInput,
    ledger_holds,
    needs_facts,
    plan_site,
    split_playbook,
    waits,
)
from runner.steps import Where
from runner.steps.wordpress import (
    asked_languages,
    asks_composer,
)

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.record import Ledger

__all__ = ["PlanRequest", "plan_one", "preview_sites", "steps_of"]

_HOSTS_AT_ONCE = 20
_NO_SYSTEM = SystemPreview()
_NOT_ON_HOST = {Where.OUTSIDE, Where.CONTROLLER}


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """The inputs that all sites of a plan share."""

    playbook: Playbook
    policy: Policy
    tags: tuple[str, ...]
    now: datetime
    at: datetime | None = None
    """The time of the changes, to which rules and holds are applied; None: now."""


def preview_sites(
    hosts: Hosts,
    ledger: Ledger,
    playbook: Playbook,
    sites: Sequence[Site],
    *,
    tags: tuple[str, ...],
    edits: bool = True,
    at: datetime | None = None,
) -> tuple[tuple[SitePlan, ...], Mapping[str, SiteFacts]]:
    """Return the plan of each site, and the facts by site name. Reads hosts in parallel.

    With `edits`, also find files that were changed by hand and that an update would replace. Rules and
    holds that depend on the time are applied as of `at`, by default now.
    """
    clients, settings = hosts.workspace.inventory.clients, hosts.workspace.settings
    found = _read_sites(hosts, playbook, sites, tags)
    found = with_published_offers(hosts.published, found, settings.policy)
    if edits:
        found |= with_local_edits(hosts, sites, found)
    request = PlanRequest(playbook, settings.policy, tags, datetime.now(UTC), at)
    systems = preview_systems(hosts, playbook, sites, tags)

    def of_site(site: Site) -> SitePlan:
        facts, system = found.get(site.name), systems.get(site.name, _NO_SYSTEM)
        plan = plan_one(ledger, clients[site.client], site, request, facts, system=system)
        return _with_problems(plan, hosts, site, request, (facts, system.error))

    planned = tuple(_or_problem(site, within(partial(of_site, site))) for site in sites)
    return planned, {name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)}


def _read_sites(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], tags: tuple[str, ...]
) -> dict[str, SiteFacts | SitecrewError]:
    """Return the facts of each site whose plan needs them, or the error of its host."""
    clients, policy = hosts.workspace.inventory.clients, hosts.workspace.settings.policy
    by_host: dict[str, list[Site]] = {}
    for site in sites:
        if _needs_host(playbook, site, tags):
            by_host.setdefault(site.host, []).append(site)

    def of_host(group: list[Site]) -> Mapping[str, SiteFacts | SitecrewError]:
        read = [site for site in group if needs_facts(playbook, site, tags=tags)]
        hosts.link(hosts.workspace.inventory.hosts[group[0].host])
        dates = any(waits(policy, clients[site.client], site) for site in read)
        composer = any(asks_composer(steps_of(playbook, site, tags)) for site in read)
        languages = asked_languages(playbook.steps)
        return read_facts(
            hosts.remote_of(group[0]),
            partial(prober_of, hosts),
            read,
            languages=languages,
            dates=dates,
            composer=composer,
        )

    found: dict[str, SiteFacts | SitecrewError] = {}
    limit = hosts.reading_limit(READ_LIMIT) + hosts.reading_limit(COMPOSER_LIMIT)
    groups = each(
        tuple(by_host.values()),
        of_host,
        at_once=_HOSTS_AT_ONCE,
        limit=lambda group: hosts.command_limit(limit * len(group)),
    )
    for group, result in groups:
        if isinstance(result, SitecrewError):
            result = dict.fromkeys((site.name for site in group), result)  # noqa: PLW2901
        found |= result
    return found


def steps_of(playbook: Playbook, site: Site, tags: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps of a playbook that apply to a site."""
    return split_playbook(playbook, site, tags=tags).steps


def _or_problem(site: Site, plan: SitePlan | SitecrewError) -> SitePlan:
    if isinstance(plan, SitecrewError):
        return SitePlan(site=site.name, client=site.client, problems=(plan.with_hint,))
    return plan


def _needs_host(playbook: Playbook, site: Site, tags: tuple[str, ...]) -> bool:
    """Whether any step runs on the host, even one without planned changes."""
    parts = split_playbook(playbook, site, tags=tags).parts
    return any(isinstance(part, Segment) or part.where not in _NOT_ON_HOST for part in parts)


def _with_problems(
    plan: SitePlan, hosts: Hosts, site: Site, request: PlanRequest, found: Sequence[object]
) -> SitePlan:
    """Return the plan with the errors in `found` and the problems of sudo."""
    errors = [error for error in found if isinstance(error, SitecrewError)]
    problems = (*plan.problems, *(error.with_hint for error in errors), *_sudo_problems(hosts, site, request))
    return replace(
        plan,
        problems=tuple(dict.fromkeys(problems)),
        unreachable=any(isinstance(error, UnreachableError) for error in errors),
    )


def _sudo_problems(hosts: Hosts, site: Site, request: PlanRequest) -> tuple[str, ...]:
    steps = steps_of(request.playbook, site, request.tags)
    return sudo_problems(steps, site, hosts.workspace.inventory.hosts[site.host])


def plan_one(
    ledger: Ledger,
    client: Client,
    site: Site,
    order: PlanRequest,
    found: SiteFacts | SitecrewError | None,
    *,
    run: str | None = None,
    system: SystemPreview = _NO_SYSTEM,
) -> SitePlan:
    """Plan one site from its facts and the holds and versions in the ledger."""
    facts = found if isinstance(found, SiteFacts) else None
    name = ledger.websites.recorded_name(site)
    holds = ledger.holds.list(name, run=run)
    autos = ledger.auto_updates.list_unsettled(name, run=run)
    return plan_site(
        PolicyInput(
            policy=order.policy,
            client=client,
            site=site,
            now=order.at or order.now,
            holds=ledger_holds(holds),
            first_seen=_first_seen(ledger, name, facts, order.now, run) if facts else {},
        ),
        order.playbook,
        facts,
        problem=found.with_hint if isinstance(found, SitecrewError) else "",
        tags=order.tags,
        system=SystemInput(facts=system.facts, planned_with=system.elsewhere),
        overruled=[(a.kind, a.key) for a in autos if a.state == "overruled"],
    )


def _first_seen(
    ledger: Ledger, site: str, facts: SiteFacts, now: datetime, run: str | None
) -> Mapping[tuple[str, str], datetime]:
    offers = {("core", "core", offer.version) for offer in facts.core_offers}
    for kind, items in (("plugin", facts.plugins), ("theme", facts.themes)):
        offers |= {(kind, item.slug, item.offered) for item in items if item.offered}
    for package in facts.packages:
        newer = (package.allowed, package.latest)
        offers |= {(package.part, package.slug, version) for version in newer if version}
    seen = ledger.sightings.first_seen(site, offers, now, run=run)
    return {(item, version): at for (_, item, version), at in seen.items()}
