"""Which of a network's sites are looked at around a change."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Action, Change, ItemKind, Site, SiteFacts
from runner.web import split

__all__ = ["SUB_SITES_LOOKED_AT", "looked_at", "not_looked_at"]

SUB_SITES_LOOKED_AT = 12


def looked_at(facts: SiteFacts, site: Site, changes: Iterable[Change]) -> tuple[str, ...]:
    """Front pages of up to twelve, besides the site itself: those first on which a changed item is active."""
    items = {(change.kind, change.item) for change in changes if change.action is Action.CHANGE}
    active = {
        number
        for kind, entries in ((ItemKind.PLUGIN, facts.plugins), (ItemKind.THEME, facts.themes))
        for entry in entries
        if (kind, entry.slug) in items
        for number in entry.sub_sites
    }
    own = split(site.own_address)
    others = [sub for sub in facts.network if split(sub.home or sub.url) != own]
    first = sorted(others, key=lambda sub: sub.id not in active)
    return tuple(dict.fromkeys(sub.home or sub.url for sub in first))[:SUB_SITES_LOOKED_AT]


def not_looked_at(facts: SiteFacts) -> int:
    """How many of a network's sites are too many to be looked at."""
    return max(0, facts.network_size - 1 - SUB_SITES_LOOKED_AT)
