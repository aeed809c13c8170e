"""Which sites of a network are checked before and after a change, and which is asked for updates too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, zip_longest

from runner.model import Action, Change, Extension, ItemKind, Site, SiteFacts
from runner.web import parse_url

__all__ = [
    "MAX_SUB_SITES",
    "count_unchecked",
    "sub_site_to_query",
    "sub_sites_to_check",
    "sub_sites_to_start",
    "with_offers",
]

MAX_SUB_SITES = 12
_STARTED = 2


def sub_sites_to_check(facts: SiteFacts, site: Site, changes: Iterable[Change]) -> tuple[str, ...]:
    """Return the front pages of up to twelve other sites, first those on which a changed item is active."""
    ranks = _ranks(facts, changes)
    own = parse_url(site.own_address)
    others = [sub for sub in facts.network if parse_url(sub.home or sub.url) != own]
    first = sorted(others, key=lambda sub: ranks.get(sub.id, len(ranks)))
    return tuple(dict.fromkeys(sub.home or sub.url for sub in first))[:MAX_SUB_SITES]


def sub_sites_to_start(facts: SiteFacts, changes: Iterable[Change]) -> tuple[str, ...]:
    """Return up to two sites to start WordPress on too, because a changed item is active only there."""
    ranks = _ranks(facts, changes)
    active = sorted((sub for sub in facts.network if sub.id in ranks), key=lambda sub: ranks[sub.id])
    found = (sub.home or sub.url for sub in active)
    return tuple(url for url in found if parse_url(url))[:_STARTED]


def _ranks(facts: SiteFacts, changes: Iterable[Change]) -> dict[int, int]:
    """Ids of the sites on which a changed item is activated individually, with their rank.

    The first site of every item comes before the second of any; the item with the fewest sites is first.
    """
    items = {(change.kind, change.item) for change in changes if change.action is Action.CHANGE}
    active = [
        entry.sub_sites
        for kind, entries in ((ItemKind.PLUGIN, facts.plugins), (ItemKind.THEME, facts.themes))
        for entry in entries
        if (kind, entry.slug) in items
    ]
    turns = chain.from_iterable(zip_longest(*sorted(active, key=len)))
    numbers = dict.fromkeys(number for number in turns if number is not None)
    return {number: rank for rank, number in enumerate(numbers)}


def count_unchecked(facts: SiteFacts) -> int:
    """Return the number of the network's sites that are not checked."""
    return max(0, facts.network_size - 1 - MAX_SUB_SITES)


def sub_site_to_query(facts: SiteFacts) -> str:
    """Return the site of a network that has to check for updates too; empty if none has to.

    A plugin's own updater runs only on sites where the plugin is active. If there are several, the site with
    most of these plugins is returned.
    """
    silent = [p for p in facts.plugins if p.elsewhere and p.unlisted and not p.offered and p.sub_sites]
    counts = Counter(number for plugin in silent for number in plugin.sub_sites)
    homes = {sub.id: sub.home or sub.url for sub in facts.network}
    return next((homes[number] for number, _ in counts.most_common() if homes.get(number)), "")


def with_offers(facts: SiteFacts, asked: SiteFacts) -> SiteFacts:
    """Add the offers that another site of the network got for plugins that are not active here."""
    by_slug = {plugin.slug: plugin for plugin in asked.plugins}
    plugins = tuple(
        _offered(plugin, by_slug[plugin.slug]) if plugin.elsewhere and plugin.slug in by_slug else plugin
        for plugin in facts.plugins
    )
    return replace(facts, plugins=plugins)


def _offered(plugin: Extension, asked: Extension) -> Extension:
    if plugin.offered or not asked.offered or asked.version != plugin.version:
        return plugin
    return replace(
        plugin,
        offered=asked.offered,
        package=asked.package,
        requires_php=asked.requires_php,
        requires_wordpress=asked.requires_wordpress,
        hidden=asked.hidden,
        released=asked.released,
    )
