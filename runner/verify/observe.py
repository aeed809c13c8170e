"""Looking at a site from outside. What differs is asked for again before it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.model import Site, SiteKind
from runner.verify.access import NO_KEYS
from runner.verify.asks import ask_behind_caches, ask_pages, own_stylesheets
from runner.verify.baseline import NO_BASELINE, establish
from runner.verify.compare import compare
from runner.verify.http import DOOR, Ask, Looker, Sight
from runner.verify.signals import Signals
from runner.verify.sources import find_sources
from runner.verify.sub_sites import see_sub_sites
from runner.web import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["examine", "observe", "settle", "until_known"]

_SLOWER = 2.0
"""A site that was slow before may be so many times slower."""
_LONGEST = 30.0
"""Seconds for one request, however slow the site was before."""
_STYLESHEETS = 24
"""So many stylesheets of a site are asked for; the rest is counted."""
_ENOUGH = 2
"""Good looks in a row that outweigh a bad one; bad ones that confirm each other."""
_BETWEEN = 0.6


def observe(
    site: Site,
    *,
    before: Signals | None = None,
    folder: str = "",
    limit: float = 8.0,
    patience: float = 3.0,
    door: float = DOOR,
    pause: Callable[[float], None] = time.sleep,
    sub_sites: Sequence[str] = (),
    keys: Mapping[str, str] = NO_KEYS,
) -> Signals:
    """Look at a site: its pages as visitors see them and, for WordPress, what is behind them.

    Args:
        site: where.
        before: how it was; what was slow then has more time now.
        folder: of WordPress below the site's address, where it has one of its own; that of `before` if given.
        limit: seconds for one request.
        patience: seconds for which a bad answer is asked again.
        door: seconds for which a closed door is waited for.
        pause: waits between two tries.
        sub_sites: front pages of other sites of the network; those of `before` if given.
        keys: headers that let us in.
    """
    at = datetime.now(UTC)
    folder = before.folder if before is not None else folder
    sub_sites = before.looked_at if before is not None else sub_sites
    known = {sight.page.page: sight for sight in before.sights} if before is not None else {}
    baseline = before.baseline if before is not None else NO_BASELINE

    def timed(asks: Iterable[Ask]) -> list[Ask]:
        return [
            replace(
                ask,
                limit=_time(known[ask.name], limit) if ask.name in known else limit,
                usual=baseline.of(ask.name),
            )
            for ask in asks
        ]

    seen = Signals(at=at, visitors=(), folder=folder, baseline=baseline)
    with Looker(site, limit, patience, pause, door=door, keys=keys) as looker:
        visitors = looker.see(timed(ask_pages(site)))
        if any(sight.page.status is None for sight in visitors):
            return replace(seen, visitors=visitors)  # who does not answer is not asked for more
        uncached = looker.see(timed(ask_behind_caches(site, folder)))
        sources = (
            before.sources
            if before is not None
            else find_sources(site, folder, visitors[0].traits.feeds, looker.fetch)
        )
        machines = looker.see(timed(sources.asks())) if sources else ()
        own = list(own_stylesheets(site, visitors))[:_STYLESHEETS]
        statuses = looker.statuses(own)
        others = see_sub_sites(
            site,
            sub_sites,
            folder,
            lambda rules: Looker(site, limit, patience, pause, door=door, rules=rules, keys=keys),
        )
        seen = replace(
            seen,
            visitors=visitors,
            uncached=uncached,
            machines=machines,
            sources=sources,
            stylesheets=_by_path(statuses),
            sub_sites=others,
        )
        if before is not None and compare(before, seen):
            return seen  # a cache that has no page of it yet is not to get one
        again = timed(ask_pages(site))
        plain = looker.see([replace(ask, name=f"{ask.name} (plain)", plain=True) for ask in again])
        more = [url for url in own_stylesheets(site, plain) if url not in statuses][:_STYLESHEETS]
        statuses |= looker.statuses(more)
    return replace(seen, plain=plain, stylesheets=_by_path(statuses))


def _by_path(statuses: Mapping[str, int | None]) -> dict[str, int | None]:
    return {place.path: status for url, status in statuses.items() if (place := split(url))}


def settle(
    site: Site,
    first: Signals,
    *,
    boots: bool = True,
    limit: float = 8.0,
    pause: Callable[[float], None] = time.sleep,
    keys: Mapping[str, str] = NO_KEYS,
) -> Signals:
    """The measure of a change: where a look found something, a second tells what is usual for the site.

    Args:
        site: where.
        first: the look.
        boots: whether WordPress starts with its plugins, as its host reads it.
        limit: seconds for one request.
        pause: waits between two tries.
        keys: headers that let us in.
    """
    if first.healthy:
        return first

    def usual(second: Signals) -> Signals:
        static = site.kind is SiteKind.STATIC
        found = establish(first.sights, second.sights, stated=site.stated, boots=boots, static=static)
        return replace(first, baseline=found)

    pause(_BETWEEN)
    expected = replace(usual(first), sub_sites={})
    second = observe(site, before=expected, limit=limit, patience=0.0, pause=pause, keys=keys)
    return usual(second)


def _time(before: Sight, limit: float) -> float:
    return max(limit, min(_SLOWER * before.page.seconds + limit / 2, _LONGEST))


def examine(
    site: Site,
    before: Signals,
    *,
    limit: float = 8.0,
    patience: float = 2.0,
    pause: Callable[[float], None] = time.sleep,
    keys: Mapping[str, str] = NO_KEYS,
) -> tuple[Signals, tuple[str, ...]]:
    """Look until it is known whether a site is worse than before; returns the last look and what is worse.

    Args:
        site: where.
        before: how it was.
        limit: seconds for one request.
        patience: seconds after which a site that is still worse is worse.
        pause: waits between two looks.
        keys: headers that let us in.
    """

    def again(bad: int) -> Signals:
        door = 0.0 if bad else DOOR
        return observe(site, before=before, limit=limit, patience=0.0, door=door, pause=pause, keys=keys)

    return until_known(again, before, patience=patience, pause=pause)


def until_known(
    again: Callable[[int], Signals],
    before: Signals,
    *,
    patience: float,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Signals, tuple[str, ...]]:
    """The last look, and what is worse in it.

    One good look is enough, unless a bad one came first: then two in a row are.

    Args:
        again: looks once more; it is told how many looks before it were bad.
        before: how the site was.
        patience: seconds after which a site that is still worse is worse.
        pause: waits between two looks.
    """
    end = time.monotonic() + patience
    good, bad = 0, 0
    while True:
        seen = again(bad)
        found = compare(before, seen)
        good, bad = (0, bad + 1) if found else (good + 1, bad)
        if not found and good >= (_ENOUGH if bad else 1):
            return seen, ()
        if found and bad >= _ENOUGH and time.monotonic() >= end:
            return seen, found
        pause(_BETWEEN)
