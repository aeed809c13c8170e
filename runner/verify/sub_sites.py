"""The other sites of a network: their front pages are looked at around a change of what all of them run.

A network's sites have addresses of their own, which WordPress names and not the operator. They are asked at
the host that the operator named, or at public addresses; at private ones where the site may have such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from runner.model import Site
from runner.verify.http import Ask, Looker, Sight
from runner.verify.judge import Expectation, judge
from runner.verify.worse import worse
from runner.web import Answer, Rules, split

__all__ = ["see_sub_sites", "worse_sub_sites"]

Looking = Callable[[Rules | None], Looker]
"""Makes a looker; None for the rules of the site itself."""


def see_sub_sites(site: Site, urls: Sequence[str], looking: Looking) -> dict[str, Sight]:
    """The front page of each, past page caches, by its address. Those on the site's own host come first."""
    home = split(site.url)
    places = {url: place for url in urls if (place := split(url))}
    own = [url for url, place in places.items() if home and place.origin == home.origin]
    mapped = [url for url in places if url not in own]
    seen: dict[str, Sight] = {}
    theirs = Rules.of(*mapped, private=True) if site.private else Rules.named_by_a_site(*mapped)
    for some, rules in ((own, None), (mapped, theirs)):
        if some:
            with looking(rules) as looker:
                seen |= zip(
                    some, looker.see([Ask(url, url, _judged, known=True) for url in some]), strict=True
                )
    return seen


def worse_sub_sites(before: Mapping[str, Sight], after: Mapping[str, Sight]) -> Iterator[str]:
    """What is worse on each of them than it was, a sentence each with its address."""
    for url, old in before.items():
        if url in after:
            yield from (f"{url}: {said}" for said in worse(old, after[url]))


def _judged(answer: Answer) -> tuple[str, ...]:
    return judge(answer, Expectation())
