"""Which of a network's sites are looked at around a change, and which is asked for updates too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, zip_longest

from runner.model import Action, Change, Extension, ItemKind, Site, SiteFacts
from runner.web import split

__all__ = ["SUB_SITES_LOOKED_AT", "asked_as", "looked_at", "not_looked_at", "started", "with_offers"]

SUB_SITES_LOOKED_AT = 12
_STARTED = 2


def looked_at(facts: SiteFacts, site: Site, changes: Iterable[Change]) -> tuple[str, ...]:
    """Front pages of up to twelve, besides the site itself: those first on which a changed item is active."""
    ranks = _ranks(facts, changes)
    own = split(site.own_address)
    others = [sub for sub in facts.network if split(sub.home or sub.url) != own]
    first = sorted(others, key=lambda sub: ranks.get(sub.id, len(ranks)))
    return tuple(dict.fromkeys(sub.home or sub.url for sub in first))[:SUB_SITES_LOOKED_AT]


def started(facts: SiteFacts, changes: Iterable[Change]) -> tuple[str, ...]:
    """The sites of a network, two at most, that are started too: a changed item runs there by itself."""
    ranks = _ranks(facts, changes)
    active = sorted((sub for sub in facts.network if sub.id in ranks), key=lambda sub: ranks[sub.id])
    found = (sub.home or sub.url for sub in active)
    return tuple(url for url in found if split(url))[:_STARTED]


def _ranks(facts: SiteFacts, changes: Iterable[Change]) -> dict[int, int]:
    """Numbers of the sites on which a changed item is active by itself, by the order in which they count.

    Each item has one of them before any has a second, and the item that is active on the fewest comes first.
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


def not_looked_at(facts: SiteFacts) -> int:
    """How many of a network's sites are too many to be looked at."""
    return max(0, facts.network_size - 1 - SUB_SITES_LOOKED_AT)


def asked_as(facts: SiteFacts) -> str:
    """The site of a network that must ask for updates too; empty where none has to.

    An updater of its own that a plugin brings along runs only where the plugin is active. Of several sites,
    the one on which most of these plugins are.
    """
    silent = [p for p in facts.plugins if p.elsewhere and p.unlisted and not p.offered and p.sub_sites]
    counts = Counter(number for plugin in silent for number in plugin.sub_sites)
    homes = {sub.id: sub.home or sub.url for sub in facts.network}
    return next((homes[number] for number, _ in counts.most_common() if homes.get(number)), "")


def with_offers(facts: SiteFacts, asked: SiteFacts) -> SiteFacts:
    """The facts with what was offered, when asked as another site of the network, to plugins silent here."""
    there = {plugin.slug: plugin for plugin in asked.plugins}
    plugins = tuple(
        _offered(plugin, there[plugin.slug]) if plugin.elsewhere and plugin.slug in there else plugin
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
