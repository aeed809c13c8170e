"""The other sites of a network: they are looked at around a change of what all of them run.

A network's sites have addresses of their own, which WordPress names and not the operator. They are asked at
the host that the operator named, or at public addresses; at private ones where the site may have such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from runner.model import Site
from runner.verify.asks import ask_as_programs
from runner.verify.http import Ask, Looker, Sight
from runner.verify.judge import Expectation, judge
from runner.verify.worse import worse
from runner.web import Answer, Rules, split

__all__ = ["see_sub_sites", "worse_sub_sites"]

_BEHIND = 3
"""So many are asked for more than their front page: those first on which something changes."""

Looking = Callable[[Rules | None], Looker]
"""Makes a looker; None for the rules of the site itself."""


def see_sub_sites(site: Site, urls: Sequence[str], folder: str, looking: Looking) -> dict[str, Sight]:
    """The front page of each, past page caches, by its address; of the first also what programs ask for.

    Those on the site's own host come first.

    Args:
        site: a site of the network.
        urls: addresses of others.
        folder: of WordPress below the address of each, where it has one of its own.
        looking: makes what asks.
    """
    home = split(site.url)
    places = {url: place for url in urls if (place := split(url))}
    own = [url for url, place in places.items() if home and place.origin == home.origin]
    mapped = [url for url in places if url not in own]
    seen: dict[str, Sight] = {}
    theirs = Rules.of(*mapped, private=True) if site.private else Rules.named_by_a_site(*mapped)
    for some, rules in ((own, None), (mapped, theirs)):
        if some:
            asks = [ask for url in some for ask in _asks(url, folder, behind=url in urls[:_BEHIND])]
            with looking(rules) as looker:
                seen |= zip((ask.name for ask in asks), looker.see(asks), strict=True)
    return seen


def _asks(url: str, folder: str, *, behind: bool) -> Iterator[Ask]:
    yield Ask(url, url, _judged, known=True)
    for ask in ask_as_programs(url, folder) if behind else ():
        yield replace(ask, name=ask.url)


def worse_sub_sites(before: Mapping[str, Sight], after: Mapping[str, Sight]) -> Iterator[str]:
    """What is worse on each of them than it was, a sentence each with its address."""
    for url, old in before.items():
        if url in after:
            yield from (f"{url}: {said}" for said in worse(old, after[url]))


def _judged(answer: Answer) -> tuple[str, ...]:
    return judge(answer, Expectation())
