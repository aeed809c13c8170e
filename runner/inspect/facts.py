"""Sites as they are now: the facts of each, read in one boot, and what wordpress.org publishes for them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import HostError, IdentityError, SitecrewError, UnreachableError
from runner.execute import Task as Command
from runner.hosts.boundary import within
from runner.hosts.wp_cli import bring_wp_cli
from runner.inspect.composer import with_composer
from runner.inspect.identity import MISMATCH_HINT, prove_database
from runner.inspect.prober import Prober
from runner.model import Addresses, Policy, Site, SiteFacts
from runner.plan import (
    address_mismatch,
    confirm_offers,
    items_to_query,
    stores_address,
    stray_folder,
    sub_site_to_query,
    with_offers,
)
from runner.steps.wordpress import facts_script, lacks_wp_cli, parse_facts
from runner.steps.wordpress.identity import addresses_script, follows_request

if TYPE_CHECKING:
    from runner.hosts.remote import Remote
    from runner.wporg import Wporg

__all__ = ["READ_LIMIT", "Probers", "read_facts", "reread", "with_published_offers"]

Probers: TypeAlias = Callable[[Site], Prober]

READ_LIMIT = 90
"""Seconds for reading one site."""
_STRAY = "correct `path` in inventory.yaml; if it is right, the site may be hacked"


def read_facts(
    remote: Remote,
    probers: Probers,
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
        _read_once,
        remote,
        probers,
        check_updates=check_updates,
        languages=languages,
        dates=dates,
        composer=composer,
    )
    found = _brought(remote, sites, read_once, check_updates=check_updates)
    return with_composer(remote, sites, found) if composer else found


def reread(remote: Remote, prober: Prober, site: Site) -> SiteFacts:
    """Read a site again, without asking for updates.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: the site cannot be read.
    """
    found = read_facts(remote, lambda _: prober, [site], check_updates=False)[site.name]
    if isinstance(found, SitecrewError):
        raise found
    return found


def with_published_offers(
    published: Wporg, found: Mapping[str, SiteFacts | SitecrewError], policy: Policy
) -> dict[str, SiteFacts | SitecrewError]:
    """What was read, with the offers as wordpress.org has them: one question for the items of all sites."""
    read = {name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)}
    items = {item for facts in read.values() for item in items_to_query(facts)}
    if not read:
        return dict(found)
    offers = published.offers(items, {facts.wordpress for facts in read.values()})
    return {**found, **{name: confirm_offers(facts, offers, policy.vendors) for name, facts in read.items()}}


def _brought(
    remote: Remote,
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
        if not bring_wp_cli(remote):
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
        if isinstance(facts := found[site.name], SiteFacts) and (address := sub_site_to_query(facts))
    ]
    for name, asked_there in read_once(more).items() if more else ():
        facts = found[name]
        if isinstance(facts, SiteFacts) and isinstance(asked_there, SiteFacts):
            found[name] = with_offers(facts, asked_there)


def _read_once(
    remote: Remote,
    probers: Probers,
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
    limit = remote.limit(READ_LIMIT)
    found: dict[str, SiteFacts | SitecrewError] = {}
    asking = partial(
        facts_script,
        check_updates=check_updates,
        languages=languages,
        dates=dates,
        composer=composer,
    )
    tasks: dict[str, Command] = {}
    for number, site in enumerate(sites):
        task = Command(f"s{number}", asking(site, remote.host, mark).text, timeout=limit, policy="go")
        dressed = within(partial(remote.for_site, site, [task]))
        if isinstance(dressed, SitecrewError):
            found[site.name] = dressed
        else:
            [tasks[site.name]] = dressed
    records = remote.read(tuple(tasks.values())) if tasks else {}
    for number, site in enumerate(sites):
        if site.name in found:
            continue
        record = records[f"s{number}"]
        if record.why == "timeout":
            found[site.name] = HostError(
                f"WordPress did not start within {limit} s", hint="look at the site's load and its error log"
            )
            continue
        facts = within(partial(_facts, record.text, mark, site, remote.workspace.inventory.sites.values()))
        if isinstance(facts, SiteFacts) and not stores_address(facts, site):
            facts = within(partial(_proven, remote, probers(site), site, facts))
        found[site.name] = facts
    return found


def _proven(remote: Remote, prober: Prober, site: Site, facts: SiteFacts) -> SiteFacts:
    """The facts of a site whose address is not in its database: whether that is proven in another way.

    Raises:
        IdentityError: it is another site's.
    """
    mark = secrets.token_hex(16)
    limit = remote.limit(READ_LIMIT)
    follows = True
    if facts.constants:
        task = Command("addresses", addresses_script(site, remote.host, mark).text, timeout=limit)
        follows = follows_request(remote.read(remote.for_site(site, [task]))["addresses"].text, mark)
    found = Addresses(stored=facts.stored, constants=facts.constants, follows=follows)
    return replace(
        facts, unproven=prove_database(prober, remote, site, found, remote.workspace.inventory.sites.values())
    )


def _facts(text: str, mark: str, site: Site, sites: Iterable[Site]) -> SiteFacts:
    """What a site's answer says; one that is another site's, or names its folder as its own, is refused."""
    facts = parse_facts(text, mark)
    if folder := stray_folder(facts, site, sites):
        raise HostError(f"WordPress names a folder of another site as its own: {folder}", hint=_STRAY)
    if said := address_mismatch(facts, site):
        raise IdentityError(said, hint=MISMATCH_HINT)
    return facts
