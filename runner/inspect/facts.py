"""The current facts of WordPress sites, and the updates that wordpress.org publishes for them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import HostError, IdentityError, SitecrewError, UnreachableError
from runner.execute import Command
from runner.hosts.boundary import within
from runner.hosts.wp_cli import install_wp_cli
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
"""Time limit for reading one site, in seconds."""
_STRAY_HINT = "correct `path` in the inventory; if it is right, the site may be hacked"


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
    """Return the facts of WordPress sites on one host, or why a site could not be read.

    All sites are read in one SSH channel, and WordPress starts once per site.

    Args:
        remote: the host.
        probers: return the prober of a site.
        sites: the sites to read.
        check_updates: whether each site checks for updates first.
        languages: languages to query translations for, even if a site does not have them.
        dates: whether to query when each offered version was released.
        composer: whether to run Composer on sites that use it.

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
    found = _read_with_wp_cli(remote, sites, read_once, check_updates=check_updates)
    return with_composer(remote, sites, found) if composer else found


def reread(remote: Remote, prober: Prober, site: Site) -> SiteFacts:
    """Read a site again without checking for updates.

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
    """Return the facts with the offers of wordpress.org, which is asked once for the items of all sites."""
    read = {name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)}
    items = {item for facts in read.values() for item in items_to_query(facts)}
    if not read:
        return dict(found)
    offers = published.offers(items, {facts.wordpress for facts in read.values()})
    return {**found, **{name: confirm_offers(facts, offers, policy.vendors) for name, facts in read.items()}}


def _read_with_wp_cli(
    remote: Remote,
    sites: Sequence[Site],
    read_once: Callable[[Sequence[Site]], Mapping[str, SiteFacts | SitecrewError]],
    *,
    check_updates: bool,
) -> Mapping[str, SiteFacts | SitecrewError]:
    """Return the facts. Sites without wp-cli are read again after installing it on the host."""
    found = {**read_once(sites)}
    if check_updates:
        _add_sub_site_offers(read_once, sites, found)
    without = [site for site in sites if lacks_wp_cli(found[site.name])]
    if not without:
        return found
    try:
        if not install_wp_cli(remote):
            return found
    except UnreachableError:
        raise
    except SitecrewError as error:
        return {**found, **dict.fromkeys((site.name for site in without), error)}
    return {**found, **read_once(without)}


def _add_sub_site_offers(
    read_once: Callable[[Sequence[Site]], Mapping[str, SiteFacts | SitecrewError]],
    sites: Sequence[Site],
    found: dict[str, SiteFacts | SitecrewError],
) -> None:
    """Add the offers for plugins that are active only on other sites of a network. Most sites have none."""
    more = [
        replace(site, address=address)
        for site in sites
        if isinstance(facts := found[site.name], SiteFacts) and (address := sub_site_to_query(facts))
    ]
    for name, offered_there in read_once(more).items() if more else ():
        facts = found[name]
        if isinstance(facts, SiteFacts) and isinstance(offered_there, SiteFacts):
            found[name] = with_offers(facts, offered_there)


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
    nonce = secrets.token_hex(16)
    limit = remote.limit(READ_LIMIT)
    found: dict[str, SiteFacts | SitecrewError] = {}
    script_of = partial(
        facts_script,
        check_updates=check_updates,
        languages=languages,
        dates=dates,
        composer=composer,
    )
    tasks: dict[str, Command] = {}
    for number, site in enumerate(sites):
        task = Command(f"s{number}", script_of(site, remote.host, nonce).text, timeout=limit, policy="go")
        command = within(partial(remote.for_site, site, [task]))
        if isinstance(command, SitecrewError):
            found[site.name] = command
        else:
            [tasks[site.name]] = command
    records = remote.read(tuple(tasks.values())) if tasks else {}
    for number, site in enumerate(sites):
        if site.name in found:
            continue
        record = records[f"s{number}"]
        if record.why == "timeout":
            found[site.name] = HostError(
                f"WordPress did not start within {limit} s",
                hint="check the load of the host and the error log of the site",
            )
            continue
        facts = within(partial(_parse, record.text, nonce, site, remote.workspace.inventory.sites.values()))
        if isinstance(facts, SiteFacts) and not stores_address(facts, site):
            facts = within(partial(_with_proof, remote, probers(site), site, facts))
        found[site.name] = facts
    return found


def _with_proof(remote: Remote, prober: Prober, site: Site, facts: SiteFacts) -> SiteFacts:
    """Return the facts of a site whose address is not in its database, after checking it in other ways.

    Raises:
        IdentityError: the database is another site's.
    """
    nonce = secrets.token_hex(16)
    limit = remote.limit(READ_LIMIT)
    follows = True
    if facts.constants:
        task = Command("addresses", addresses_script(site, remote.host, nonce).text, timeout=limit)
        follows = follows_request(remote.read(remote.for_site(site, [task]))["addresses"].text, nonce)
    found = Addresses(stored=facts.stored, constants=facts.constants, follows=follows)
    return replace(
        facts, unproven=prove_database(prober, remote, site, found, remote.workspace.inventory.sites.values())
    )


def _parse(text: str, nonce: str, site: Site, sites: Iterable[Site]) -> SiteFacts:
    """Parse the output of a site.

    Raises:
        HostError: one of its folders belongs to another site.
        IdentityError: it is another site.
    """
    facts = parse_facts(text, nonce)
    if folder := stray_folder(facts, site, sites):
        raise HostError(f"WordPress uses a folder of another site: {folder}", hint=_STRAY_HINT)
    if mismatch := address_mismatch(facts, site):
        raise IdentityError(mismatch, hint=MISMATCH_HINT)
    return facts
