"""The signals of a site from outside, and their comparison.

A site is compared with itself a moment before, not with an ideal: what was wrong before is not our doing.
What differs is asked for again before it counts. Page caches are asked past in three ways: by a query that is
new, with cookies that they let through, and for a page that nobody can have asked for before.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.model import PageLook, Seen, Site, SiteKind
from runner.steps.front import FrontWay
from runner.untrusted import sentence
from runner.verify.access import NO_KEYS
from runner.verify.baseline import NO_BASELINE, Baseline, establish, refuses
from runner.verify.causes import REST
from runner.verify.http import DOOR, Ask, Looker, Sight, address, page_ask
from runner.verify.inside import Inside, worse_inside
from runner.verify.judge import Expectation, judge
from runner.verify.machines import json_of
from runner.verify.sources import Sources, find_sources
from runner.verify.sub_sites import see_sub_sites, worse_sub_sites
from runner.verify.worse import worse
from runner.web import Answer, below, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Signals", "compare", "examine", "observe", "settle", "shut_since", "stale"]

_SERVER_ERROR = 500
_SLOWER = 2.0
"""A site that was slow before may be so many times slower."""
_LONGEST = 30.0
"""Seconds for one request, however slow the site was before."""
_STYLESHEETS = 24
"""So many stylesheets of a site are asked for; the rest is counted."""
_PATH = 120
"""Characters of a path that a page names."""
_SHUT = frozenset({401, 403})
"""With these a site refuses everybody, also where files cannot be read."""
_ENOUGH = 2
"""Good looks in a row that outweigh a bad one; bad ones that confirm each other."""
_BETWEEN = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What was seen of a site: each sight by the kind of signal and the name of its page."""

    at: datetime
    visitors: tuple[Sight, ...]
    """The pages of `pages`, as visitors get them."""
    uncached: tuple[Sight, ...] = ()
    """WordPress behind its caches; none for a site that is not WordPress."""
    stylesheets: Mapping[str, int | None] = field(default_factory=dict)
    """How the site's own are answered, by their paths."""
    folder: str = ""
    """Of WordPress below the site's address, like `wp/`, where it has one of its own."""
    sub_sites: Mapping[str, Sight] = field(default_factory=dict)
    """Front pages of other sites of the network, by their addresses. What was wrong with one is no reason to
    leave the others as they are, so these are compared and nothing else."""
    plain: tuple[Sight, ...] = ()
    """The pages once more, asked last and so that caches may answer; none where the site is worse anyway."""
    inside: Inside | None = None
    """The first page as the site's own host got it, where no visitor's page was seen."""
    machines: tuple[Sight, ...] = ()
    """What programs read: feeds, sitemaps, cron."""
    sources: Sources | None = None
    """Where these were found; None where nobody looked for them."""
    baseline: Baseline = NO_BASELINE
    """What is usual for the site though it looks unhealthy."""
    pace: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Seconds of several answers of its pages, past caches; empty where nobody measured."""

    @property
    def sights(self) -> tuple[Sight, ...]:
        """All of them, in an order that does not change."""
        return (*self.visitors, *self.uncached, *self.machines)

    @property
    def _with_inside(self) -> tuple[Sight, ...]:
        own = self.inside.sight if self.inside is not None else None
        return self.sights if own is None else (*self.sights, own)

    @property
    def looks(self) -> tuple[PageLook, ...]:
        """Each page as it was answered."""
        return tuple(sight.page for sight in self._with_inside)

    @property
    def pages(self) -> tuple[PageLook, ...]:
        """Those of `pages`, as visitors get them."""
        return tuple(sight.page for sight in self.visitors)

    @property
    def healthy(self) -> bool:
        """Nothing is wrong with what could be seen."""
        return not self.findings

    @property
    def verified(self) -> bool:
        """At least one of the pages was seen as visitors get it, or on the site's own host."""
        inside = self.inside is not None and self.inside.seen
        return inside or any(sight.page.seen is Seen.SEEN for sight in self.visitors)

    @property
    def unverified(self) -> str:
        """Why nobody could see the site, in a sentence; empty where somebody could."""
        if self.verified:
            return ""
        refusals = [page.refusal for page in self.looks if page.refusal]
        inside = self.inside.why if self.inside is not None else ""
        return "; ".join(filter(None, (*refusals[:1], inside))) or "no answer came"

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong and not usual, each with its page."""
        return refuses(self._with_inside, self.baseline)

    @property
    def usual(self) -> dict[str, int]:
        """Statuses of what looks unhealthy and is meant so, by the names that hosts have for the pages."""
        names = {"/": "page", NOWHERE: "none", REST: "rest"}
        return {
            names[page.page]: page.status
            for page in self.looks
            if page.page in names
            and page.status
            and self.baseline.covers(page)
            and (page.findings or page.status >= _SERVER_ERROR)
        }

    @property
    def cached(self) -> tuple[str, ...]:
        """Answers that came from a cache, and so are no evidence: the page and what the cache said."""
        return tuple(
            f"{one.page.page}: {one.traits.cached}"
            for one in self.sights
            if one.traits.cached and not one.machine
        )


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
    sub_sites = tuple(before.sub_sites) if before is not None else sub_sites
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
        visitors = looker.see(timed(_pages(site)))
        if any(sight.page.status is None for sight in visitors):
            return replace(seen, visitors=visitors)  # who does not answer is not asked for more
        uncached = looker.see(timed(_behind(site, folder)))
        sources = (
            before.sources
            if before is not None
            else find_sources(site, folder, visitors[0].traits.feeds, looker.fetch)
        )
        machines = looker.see(timed(sources.asks())) if sources else ()
        own = list(_own_stylesheets(site, visitors))[:_STYLESHEETS]
        statuses = looker.statuses(own)
        others = see_sub_sites(
            site,
            sub_sites,
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
        again = timed(_pages(site))
        plain = looker.see([replace(ask, name=f"{ask.name} (plain)", plain=True) for ask in again])
        more = [url for url in _own_stylesheets(site, plain) if url not in statuses][:_STYLESHEETS]
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
    if first.healthy or site.kind is not SiteKind.WORDPRESS:
        return first
    pause(_BETWEEN)
    expected = replace(first, baseline=establish(first.sights, first.sights, stated=site.stated, boots=boots))
    second = observe(site, before=expected, limit=limit, patience=0.0, pause=pause, keys=keys)
    return replace(first, baseline=establish(first.sights, second.sights, stated=site.stated, boots=boots))


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

    One good look is enough, unless a bad one came first: then two in a row are.

    Args:
        site: where.
        before: how it was.
        limit: seconds for one request.
        patience: seconds after which a site that is still worse is worse.
        pause: waits between two looks.
        keys: headers that let us in.
    """
    end = time.monotonic() + patience
    good, bad = 0, 0
    while True:
        door = 0.0 if bad else DOOR
        seen = observe(site, before=before, limit=limit, patience=0.0, door=door, pause=pause, keys=keys)
        found = compare(before, seen)
        good, bad = (0, bad + 1) if found else (good + 1, bad)
        if not found and good >= (_ENOUGH if bad else 1):
            return seen, ()
        if found and bad >= _ENOUGH and time.monotonic() >= end:
            return seen, found
        pause(_BETWEEN)


def compare(before: Signals, after: Signals) -> tuple[str, ...]:
    """What is worse than it was, a sentence each with the first page it holds for; empty when nothing is."""
    found: dict[str, str] = {}
    # who does not answer has fewer sights
    for number, (old, new) in enumerate(zip(before.sights, after.sights, strict=False)):
        for said in worse(old, new, _noise(before, number), usual=before.baseline.of(old.page.page)):
            found.setdefault(said, new.page.page)
    for old, new, noise in zip(before.plain, after.plain, before.visitors, strict=False):
        for said in worse(old, new, (noise,), usual=before.baseline.of(noise.page.page)):
            found.setdefault(said, new.page.page)
    broken = [path for path, status in after.stylesheets.items() if _broken(status)]
    lost = [
        f"the stylesheet {sentence(path, _PATH)} answers {after.stylesheets[path]}"
        for path in broken
        if not _broken(before.stylesheets.get(path))
    ]
    others = worse_sub_sites(before.sub_sites, after.sub_sites)
    own = worse_inside(before.inside, after.inside)
    return (*(f"{page}: {said}" for said, page in found.items()), *lost, *others, *own)


def shut_since(before: Signals, now: Signals) -> str:
    """Which page of visitors was seen before and is refused now, in a sentence; empty for none.

    Where its own web server still gives it to the host, a firewall in front refuses it, and the site is well.
    """
    if now.inside is not None and now.inside.seen and now.inside.front.way is FrontWay.WEB:
        return ""
    was = {sight.page.page: sight.page.status for sight in before.visitors if sight.page.seen is Seen.SEEN}
    for sight in now.visitors:
        page = sight.page
        if page.seen is Seen.REFUSED and page.status in _SHUT and page.page in was:
            return f"{page.page} answers {page.status}; it was {was[page.page]}"
    return ""


def stale(before: Signals, after: Signals) -> bool:
    """Whether a site is worse only where caches answer."""
    return bool(after.plain and compare(before, after)) and not compare(before, replace(after, plain=()))


def _noise(before: Signals, number: int) -> tuple[Sight, ...]:
    """The other look at the same page: how the two differ is how the page varies by itself."""
    pages = len(before.visitors)
    behind = before.uncached[:pages]
    if number < pages:
        return behind[number : number + 1]
    return before.visitors[number - pages : number - pages + 1] if number < 2 * pages else ()


def _broken(status: int | None) -> bool:
    return status is not None and status >= 400 and status != 429  # noqa: PLR2004


def _pages(site: Site) -> Iterator[Ask]:
    """What visitors ask for."""
    for page in site.pages:
        yield page_ask(site, page, Expectation(text=site.expect))


def _behind(site: Site, folder: str) -> Iterator[Ask]:
    """WordPress past its caches."""
    if site.kind is not SiteKind.WORDPRESS:
        return
    for page in site.pages:
        name = f"{page} (uncached)"
        yield page_ask(site, page, Expectation(text=site.expect), known=True, name=name)
    yield Ask(NOWHERE, address(site.url, f"sitecrew-{secrets.token_hex(6)}/"), _nowhere)
    yield Ask(REST, address(site.url, "?rest_route=/"), _rest, machine=True)
    ajax = f"{folder}wp-admin/admin-ajax.php?action=sitecrew_look"
    yield Ask(f"/{ajax}", address(site.url, ajax), _ajax, machine=True)


NOWHERE = "a page that is not there"


def _nowhere(answer: Answer) -> tuple[str, ...]:
    """The theme's page for what is not there, which no cache can have; only an error is a finding."""
    return judge(answer, Expectation(status=(answer.status if _works(answer) else None) or 404))


def _works(answer: Answer) -> bool:
    return answer.status is not None and answer.status < _SERVER_ERROR


_NOT_JSON = ("the REST interface answers something that is not JSON",)


def _rest(answer: Answer) -> tuple[str, ...]:
    """A REST root that was switched off (401, 403, 404) is no finding; one that cannot be parsed is."""
    if not _works(answer):
        return judge(answer, Expectation())
    if answer.status != 200:  # noqa: PLR2004
        return ()
    root = json_of(answer.body)
    if root is None:
        return _NOT_JSON
    return () if isinstance(root, dict) else ("the REST interface answers something else than its root",)


def _ajax(answer: Answer) -> tuple[str, ...]:
    """WordPress answers 400 to an unknown action, a firewall may say 403. Only an error is a finding."""
    return () if _works(answer) else (f"answers {answer.status}: wp-admin does not work",)


def _own_stylesheets(site: Site, visitors: Sequence[Sight]) -> Iterator[str]:
    """Those that the site serves from below its own address."""
    home = split(site.url)
    for url in dict.fromkeys(url for sight in visitors for url in sorted(sight.traits.stylesheets)):
        place = split(url)
        if place and home and below(place, home):
            yield url
