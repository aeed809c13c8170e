"""Reading sites before anything is changed: the facts of each, in one boot, and the plan that follows."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import HostError, IdentityError, SitecrewError, UnreachableError
from runner.execute import Task as HostTask
from runner.load import thaw_as
from runner.model import Action, Addresses, Client, Host, Playbook, Policy, Site, SiteFacts, SitePlan, Step
from runner.plan import (
    LedgerHold,
    Segment,
    addressed,
    asked,
    asked_as,
    compared,
    cut,
    moved,
    narrowed,
    needs_facts,
    plan_site,
    stranger,
    stray_folder,
    waits,
    with_offers,
)
from runner.steps import Where
from runner.steps.wordpress import (
    asked_languages,
    asks_composer,
    facts_script,
    lacks_wp_cli,
    parse_facts,
)
from runner.steps.wordpress.identity import addresses_script, follows_request
from runner.workflows.boundary import each, within
from runner.workflows.packages.survey import Preview, preview_systems
from runner.workflows.stages.become import unbecoming
from runner.workflows.stages.composer import LIMIT, with_composer
from runner.workflows.stages.edits import edited
from runner.workflows.stages.proof import STRANGER, confirmed, proven
from runner.workflows.stages.tools import bring_wp_cli

if TYPE_CHECKING:
    from runner.record import Ledger
    from runner.workflows.hosts import Hosts
    from runner.workflows.site import Task

__all__ = ["as_published", "preview", "read_facts", "reread", "survey"]

_LIMIT = 90
_HOSTS_AT_ONCE = 20
_STRAY = "correct `path` in inventory.yaml; if it is right, the site may be hacked"
_NO_SYSTEM = Preview()
_ELSEWHERE = {Where.OUTSIDE, Where.CONTROLLER}


def survey(task: Task) -> Task:
    """The task with facts and plan: those on record, or read now and put on record.

    Raises:
        UnreachableError: the host cannot be reached.
    """
    session, run, site = task.session, task.run, task.site
    stored = session.ledger.plan_of(run, site.name)
    facts_then = session.ledger.facts_of(run, site.name)
    if stored is not None:
        facts = thaw_as(SiteFacts, facts_then) if facts_then else None
        return replace(task, plan=stored, facts=facts)
    languages = asked_languages(task.order.playbook.steps)
    order = task.order
    dates = waits(order.policy, order.clients[site.client], site)
    composer = asks_composer(_steps(order.playbook, site, order.tags))
    found = read_facts(session.hosts, [site], languages=languages, dates=dates, composer=composer)[site.name]
    found = as_published(session.hosts, {site.name: found}, order.policy)[site.name]
    wanted = _Wanted(order.playbook, order.policy, order.tags, session.now())
    plan = _plan(session.ledger, order.clients[site.client], site, wanted, found)
    facts = found if isinstance(found, SiteFacts) else None
    if facts is not None and any(change.action is Action.CHANGE for change in plan.changes):
        facts = confirmed(session.hosts, order.hosts[site.host], site, facts)
    if order.locked is not None:
        plan = _as_locked(order.locked[site.name], plan, facts)
    plan = replace(plan, problems=tuple(map(session.reason, plan.problems)))
    if facts is not None:
        session.ledger.record_plan(run, site.name, plan, asdict(facts))
    session.emit(
        "site.planned",
        run,
        site.name,
        changes=[
            {"item": c.item, "from": c.from_version, "to": c.to_version, "action": c.action, "why": c.why}
            for c in plan.changes
        ],
        problems=list(plan.problems),
    )
    return replace(task, plan=plan, facts=facts)


def _as_locked(then: SitePlan, now: SitePlan, facts: SiteFacts | None) -> SitePlan:
    """What was planned beforehand; where the site has moved since the run began, that is its problem."""
    found = moved(then.changes, now, facts)
    problems = [f"not touched, for it is not as it was planned: {'; '.join(found)}"] if found else []
    return replace(narrowed(then.changes, now), problems=(*now.problems, *problems))


def reread(task: Task) -> SiteFacts:
    """The site as it is now, without asking for updates.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: the site cannot be read.
    """
    found = read_facts(task.session.hosts, [task.site], check_updates=False)[task.site.name]
    if isinstance(found, SitecrewError):
        raise found
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    playbook: Playbook
    policy: Policy
    tags: tuple[str, ...]
    now: datetime


def preview(
    hosts: Hosts,
    ledger: Ledger,
    playbook: Playbook,
    sites: Sequence[Site],
    *,
    tags: tuple[str, ...],
    edits: bool = True,
) -> tuple[tuple[SitePlan, ...], Mapping[str, SiteFacts]]:
    """What a playbook would do on each site, and what was read of it. Hosts side by side.

    With `edits`, files that were changed by hand are looked for where an update would replace them.
    """
    clients, settings = hosts.workspace.inventory.clients, hosts.workspace.settings
    by_host: dict[str, list[Site]] = {}
    for site in sites:
        if _works_on_host(playbook, site, tags):
            by_host.setdefault(site.host, []).append(site)

    def of_host(group: list[Site]) -> Mapping[str, SiteFacts | SitecrewError]:
        read = [site for site in group if needs_facts(playbook, site, tags=tags)]
        hosts.pool.link(hosts.endpoint(hosts.workspace.inventory.hosts[group[0].host]))
        dates = any(waits(settings.policy, clients[site.client], site) for site in read)
        composer = any(asks_composer(_steps(playbook, site, tags)) for site in read)
        languages = asked_languages(playbook.steps)
        return read_facts(hosts, read, languages=languages, dates=dates, composer=composer)

    found: dict[str, SiteFacts | SitecrewError] = {}
    limit = hosts.reading_limit(_LIMIT) + hosts.reading_limit(LIMIT)
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
    found = as_published(hosts, found, settings.policy)
    if edits:
        found |= edited(hosts, sites, found)
    wanted = _Wanted(playbook, settings.policy, tags, datetime.now(UTC))
    systems = preview_systems(hosts, playbook, sites, tags)

    def of_site(site: Site) -> SitePlan:
        facts, system = found.get(site.name), systems.get(site.name, _NO_SYSTEM)
        plan = _plan(ledger, clients[site.client], site, wanted, facts, system=system)
        return _with_problems(plan, hosts, site, wanted, (facts, system.trouble))

    planned = tuple(_or_problem(site, within(partial(of_site, site))) for site in sites)
    return planned, {name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)}


def as_published(
    hosts: Hosts, found: Mapping[str, SiteFacts | SitecrewError], policy: Policy
) -> dict[str, SiteFacts | SitecrewError]:
    """What was read, with the offers as wordpress.org has them: one question for the items of all sites."""
    read = {name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)}
    items = {item for facts in read.values() for item in asked(facts)}
    if not read:
        return dict(found)
    offers = hosts.published.offers(items, {facts.wordpress for facts in read.values()})
    return {**found, **{name: compared(facts, offers, policy.vendors) for name, facts in read.items()}}


def _steps(playbook: Playbook, site: Site, tags: tuple[str, ...]) -> tuple[Step, ...]:
    return cut(playbook, site, tags=tags).steps


def _or_problem(site: Site, plan: SitePlan | SitecrewError) -> SitePlan:
    if isinstance(plan, SitecrewError):
        return SitePlan(site=site.name, client=site.client, problems=(plan.with_hint,))
    return plan


def _works_on_host(playbook: Playbook, site: Site, tags: tuple[str, ...]) -> bool:
    """Whether something is to be done there, be it nothing that can be planned."""
    parts = cut(playbook, site, tags=tags).parts
    return any(isinstance(part, Segment) or part.where not in _ELSEWHERE for part in parts)


def _with_problems(
    plan: SitePlan, hosts: Hosts, site: Site, wanted: _Wanted, found: Sequence[object]
) -> SitePlan:
    """The plan with what stands in the way on the host; `found` holds the errors among other things."""
    troubles = [trouble for trouble in found if isinstance(trouble, SitecrewError)]
    problems = (*plan.problems, *(t.with_hint for t in troubles), *_unbecoming(hosts, site, wanted))
    return replace(
        plan,
        problems=tuple(dict.fromkeys(problems)),
        unreachable=any(isinstance(trouble, UnreachableError) for trouble in troubles),
    )


def _unbecoming(hosts: Hosts, site: Site, wanted: _Wanted) -> tuple[str, ...]:
    steps = _steps(wanted.playbook, site, wanted.tags)
    return unbecoming(steps, site, hosts.workspace.inventory.hosts[site.host])


def read_facts(
    hosts: Hosts,
    sites: Sequence[Site],
    *,
    check_updates: bool = True,
    languages: Sequence[str] = (),
    dates: bool = False,
    composer: bool = False,
) -> Mapping[str, SiteFacts | SitecrewError]:
    """The facts of WordPress sites of one host, over one exec and in one boot each, or why there are none.

    `languages` are those whose translations are asked for although a site may not have them. With `dates`, it
    is also asked when each offered version came out; with `composer`, Composer is asked where a site has it.

    Raises:
        UnreachableError: the host cannot be reached.
    """
    read_once = partial(
        _read_once, hosts, check_updates=check_updates, languages=languages, dates=dates, composer=composer
    )
    found = _brought(hosts, sites, read_once, check_updates=check_updates)
    return with_composer(hosts, sites, found) if composer else found


def _brought(
    hosts: Hosts,
    sites: Sequence[Site],
    read_once: Callable[[Sequence[Site]], Mapping[str, SiteFacts | SitecrewError]],
    *,
    check_updates: bool,
) -> Mapping[str, SiteFacts | SitecrewError]:
    """The facts, read once more with a wp-cli of ours where there was none."""
    found = {**read_once(sites)}
    if check_updates:
        _ask_elsewhere(read_once, sites, found)
    lacking = [site for site in sites if lacks_wp_cli(found[site.name])]
    if not lacking:
        return found
    try:
        if not bring_wp_cli(hosts, hosts.workspace.inventory.hosts[lacking[0].host]):
            return found
    except UnreachableError:
        raise
    except SitecrewError as error:
        return {**found, **dict.fromkeys((site.name for site in lacking), error)}
    return {**found, **read_once(lacking)}


def _ask_elsewhere(
    read_once: Callable[[Sequence[Site]], Mapping[str, SiteFacts | SitecrewError]],
    sites: Sequence[Site],
    found: dict[str, SiteFacts | SitecrewError],
) -> None:
    """Asks once more, as a site of the network, where plugins are active there only; most sites have none."""
    more = [
        replace(site, address=address)
        for site in sites
        if isinstance(facts := found[site.name], SiteFacts) and (address := asked_as(facts))
    ]
    for name, asked_there in read_once(more).items() if more else ():
        facts = found[name]
        if isinstance(facts, SiteFacts) and isinstance(asked_there, SiteFacts):
            found[name] = with_offers(facts, asked_there)


def _read_once(
    hosts: Hosts,
    sites: Sequence[Site],
    *,
    check_updates: bool,
    languages: Sequence[str],
    dates: bool,
    composer: bool,
) -> Mapping[str, SiteFacts | SitecrewError]:
    if not sites:
        return {}
    mark = secrets.token_hex(16)
    inventory = hosts.workspace.inventory
    host = inventory.hosts[sites[0].host]
    limit = hosts.reading_limit(_LIMIT)
    found: dict[str, SiteFacts | SitecrewError] = {}
    asking = partial(
        facts_script,
        check_updates=check_updates,
        languages=languages,
        dates=dates,
        composer=composer,
    )
    tasks: dict[str, HostTask] = {}
    for number, site in enumerate(sites):
        task = HostTask(f"s{number}", asking(site, host, mark).text, timeout=limit, policy="go")
        dressed = within(partial(hosts.of_site, site, [task]))
        if isinstance(dressed, SitecrewError):
            found[site.name] = dressed
        else:
            [tasks[site.name]] = dressed
    records = hosts.read(host, tuple(tasks.values())) if tasks else {}
    for number, site in enumerate(sites):
        if site.name in found:
            continue
        record = records[f"s{number}"]
        if record.why == "timeout":
            found[site.name] = HostError(
                f"WordPress did not start within {limit} s", hint="look at the site's load and its error log"
            )
            continue
        facts = within(partial(_facts, record.text, mark, site, inventory.sites.values()))
        if isinstance(facts, SiteFacts) and not addressed(facts, site):
            facts = within(partial(_proven, hosts, host, site, facts))
        found[site.name] = facts
    return found


def _proven(hosts: Hosts, host: Host, site: Site, facts: SiteFacts) -> SiteFacts:
    """The facts of a site whose address is not in its database: whether that is proven in another way.

    Raises:
        IdentityError: it is another site's.
    """
    mark = secrets.token_hex(16)
    limit = hosts.reading_limit(_LIMIT)
    follows = True
    if facts.constants:
        task = HostTask("addresses", addresses_script(site, host, mark).text, timeout=limit)
        follows = follows_request(hosts.read(host, hosts.of_site(site, [task]))["addresses"].text, mark)
    found = Addresses(stored=facts.stored, constants=facts.constants, follows=follows)
    return replace(facts, unproven=proven(hosts, host, site, found, hosts.workspace.inventory.sites.values()))


def _facts(text: str, mark: str, site: Site, sites: Iterable[Site]) -> SiteFacts:
    """What a site's answer says; one that is another site's, or names its folder as its own, is refused."""
    facts = parse_facts(text, mark)
    if folder := stray_folder(facts, site, sites):
        raise HostError(f"WordPress names a folder of another site as its own: {folder}", hint=_STRAY)
    if said := stranger(facts, site):
        raise IdentityError(said, hint=STRANGER)
    return facts


def _plan(  # noqa: PLR0917
    ledger: Ledger,
    client: Client,
    site: Site,
    order: _Wanted,
    found: SiteFacts | SitecrewError | None,
    system: Preview = _NO_SYSTEM,
) -> SitePlan:
    facts = found if isinstance(found, SiteFacts) else None
    holds = (LedgerHold(item=h.item, why=h.why, version=h.version) for h in ledger.list_holds(site.name))
    return plan_site(
        site,
        client,
        order.playbook,
        facts,
        now=order.now,
        problem=found.with_hint if isinstance(found, SitecrewError) else "",
        policy=order.policy,
        holds=tuple(holds),
        first_seen=_first_seen(ledger, site, facts, order.now) if facts else {},
        tags=order.tags,
        system=system.facts,
        system_site=system.elsewhere,
        overruled=[(a.kind, a.key) for a in ledger.open_auto_updates(site.name) if a.state == "overruled"],
    )


def _first_seen(
    ledger: Ledger, site: Site, facts: SiteFacts, now: datetime
) -> Mapping[tuple[str, str], datetime]:
    offers = {("core", "core", offer.version) for offer in facts.core_offers}
    for kind, items in (("plugin", facts.plugins), ("theme", facts.themes)):
        offers |= {(kind, item.slug, item.offered) for item in items if item.offered}
    for package in facts.packages:
        newer = (package.allowed, package.latest)
        offers |= {(package.part, package.slug, version) for version in newer if version}
    return {(item, version): at for (_, item, version), at in ledger.see(site.name, offers, now).items()}
