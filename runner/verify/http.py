"""Request pages like a browser on its first visit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Self
from urllib.parse import urlencode

from runner.model import Look, PageLook, Seen, Site
from runner.verify.access import NO_KEYS
from runner.verify.judge import Expectation, count_stylesheets, judge, waits
from runner.verify.machines import is_xml, machine_traits, xml_signs
from runner.verify.seen import explained, seen_of
from runner.verify.traits import NO_TRAITS, Traits, traits
from runner.web import Answer, Browser, Rules, join, split

__all__ = ["DOOR", "Ask", "Looker", "Sight", "address", "look", "page_ask"]

_AT_ONCE = 4
_PATIENCE = 3.0
DOOR = 12.0
"""Seconds to wait while a site is in maintenance mode, which ends with an update of its own."""
OK = 200
_WHOLE = 60.0
"""Seconds for a complete look at a site."""


def look(
    site: Site,
    expected: Expectation,
    *,
    pages: Sequence[str] | None = None,
    limit: float = 8.0,
    patience: float = _PATIENCE,
    pause: Callable[[float], None] = time.sleep,
    keys: Mapping[str, str] = NO_KEYS,
) -> Look:
    """Request the pages of a site past caches, with TLS verified, and judge them.

    A bad answer is retried for `patience` seconds before it counts: a 503 at the end of an update or a
    restarting worker does not mean that the site is broken.

    Args:
        site: the site.
        expected: what every page must be like.
        pages: paths below the site's address; those of the site by default.
        limit: seconds for a request, including redirects and body.
        patience: seconds to retry a bad answer.
        pause: sleeps between two tries.
        keys: headers that give access to the site.
    """
    asks = [page_ask(site, page, expected) for page in pages or site.pages]
    with Looker(site, limit, patience, pause, keys=keys) as looker:
        return Look(
            site=site.name,
            at=datetime.now(UTC),
            pages=tuple(sight.page for sight in looker.see(asks)),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """A request and the function that judges its answer."""

    name: str
    url: str
    judged: Callable[[Answer], tuple[str, ...]]
    """Returns the findings of an answer."""
    known: bool = False
    """Send the cookies of a logged-in visitor, which page caches do not serve."""
    plain: bool = False
    """Request the page as visitors do: caches may answer."""
    limit: float = 0.0
    """Seconds for this request; 0 for the limit of the look."""
    usual: frozenset[str] = frozenset()
    """Usual findings of the page, which are not retried."""
    leads: bool = False
    """A redirect is expected, and judged even if it is not followed."""
    machine: bool = False
    """Read by programs, for which every byte counts."""
    silent: bool = False
    """No answer is acceptable."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An answered page and its traits."""

    page: PageLook
    traits: Traits = NO_TRAITS
    machine: bool = False
    """Read by programs, not by people."""


class Looker:
    """Sends the requests of a look, several at once, and retries bad answers within time limits.

    Requests go only to the hosts of the site.
    """

    def __init__(
        self,
        site: Site,
        limit: float,
        patience: float = _PATIENCE,
        pause: Callable[[float], None] = time.sleep,
        *,
        door: float = DOOR,
        rules: Rules | None = None,
        keys: Mapping[str, str] = NO_KEYS,
    ) -> None:
        """Create a looker. `rules` is for addresses other than the site's own."""
        self._limit, self._patience, self._pause = limit, patience, pause
        self._end = time.monotonic() + max(_WHOLE, limit)
        self._door = time.monotonic() + door
        self._keys = bool(keys)
        rules = rules or Rules.of(site.url, private=site.private)
        self._browser = Browser(rules, _UNCACHED, keys=(site.url, keys))
        self._visitor = Browser(rules, keys=(site.url, keys))
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._browser.close()
        self._visitor.close()

    def see(self, asks: Sequence[Ask]) -> tuple[Sight, ...]:
        """Send the requests and return the answers in the same order."""
        return tuple(self._pool.map(self._ask, asks))

    def statuses(self, urls: Sequence[str]) -> dict[str, int | None]:
        """Return the status of each address; None without an answer."""
        return dict(zip(urls, self._pool.map(self._status, urls), strict=True))

    def _status(self, url: str) -> int | None:
        """Return the status of a file. It may come from a cache, as it does for visitors."""
        return _served(self.fetch(url))

    def fetch(self, url: str, *, known: bool = False) -> Answer:
        """Send one request and return the answer; `known` as in `Ask`."""
        answer = self._fetch(url, self._limit, known=known)
        if seen_of(answer) is Seen.REFUSED:
            answer = self._plainly(url, self._limit, answer, known=known, cached=True)
        return answer

    def _ask(self, ask: Ask) -> Sight:
        asked = time.monotonic()
        wait = 0.4
        while True:
            started = time.monotonic()
            answer = self._fetch(ask.url, ask.limit or self._limit, known=ask.known, visitor=ask.plain)
            seconds = time.monotonic() - started
            if seen_of(answer) is Seen.REFUSED and not ask.plain:
                answer = self._plainly(ask.url, ask.limit or self._limit, answer, known=ask.known)
            sight = _sight(ask, answer, round(seconds, 3), keys=self._keys)
            end = asked + self._patience
            end = min(max(end, self._door) if waits(answer) else end, self._end)
            if ask.usual.issuperset(sight.page.findings) or time.monotonic() + wait > end:
                return sight
            self._pause(wait)
            wait *= 2

    def _plainly(
        self, url: str, limit: float, refused: Answer, *, known: bool, cached: bool = False
    ) -> Answer:
        """Request the address without our query, which a firewall may have refused.

        An answer from a cache is used only if `cached`; otherwise the refusal is returned.
        """
        answer = self._fetch(url, limit, known=known, plain=True)
        good = seen_of(answer) is Seen.SEEN and (cached or not traits(answer).cached)
        return answer if good else refused

    def _fetch(
        self, url: str, limit: float, *, known: bool = False, plain: bool = False, visitor: bool = False
    ) -> Answer:
        left = self._end - time.monotonic()
        if left <= 0:
            return Answer(asked=url, failure="was not checked: the time limit of the look was reached")
        if visitor:
            return self._visitor.fetch(url, min(limit, left))
        asked = url if plain else _unseen(url)
        return self._browser.fetch(asked, min(limit, left), headers=_KNOWN if known else None)


_UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_KNOWN = {"Cookie": "wordpress_logged_in_sitecrew=1; comment_author_sitecrew=1"}
"""Cookies of a logged-in visitor. They grant nothing, but page caches let WordPress answer."""


def _sight(ask: Ask, answer: Answer, seconds: float, *, keys: bool) -> Sight:
    """Judge an answer. If that fails, the failure is a finding, so that the look continues."""
    seen = PageLook(
        page=ask.name,
        url=ask.url,
        status=answer.status,
        seconds=seconds,
        size=len(answer.body),
        seen=seen_of(answer),
        refusal=explained(answer, keys=keys),
    )
    try:
        unanswered = answer.failure and not ask.silent and not (ask.leads and answer.status)
        findings = (answer.failure,) if unanswered else ask.judged(answer)
        page = replace(seen, stylesheets=count_stylesheets(answer.body), findings=findings)
        found = machine_traits(answer) if ask.machine else traits(answer)
        if not ask.machine and is_xml(answer):
            found = replace(found, signs=(*found.signs, *xml_signs(answer)))
        return Sight(page, found, ask.machine)
    except Exception as error:  # noqa: BLE001 - a crafted page may trigger a bug of ours
        return Sight(replace(seen, findings=(f"cannot be judged ({type(error).__name__})",)))


def page_ask(site: Site, page: str, expected: Expectation, *, known: bool = False, name: str = "") -> Ask:
    """Return the request for a page of a site, judged by what the inventory states about it, if anything."""
    stated = site.stated.get(page)
    if stated is not None and expected.status == OK:
        expected = replace(
            expected,
            status=stated.status or OK,
            text=expected.text if stated.status in {None, OK} else None,
            leads_to=stated.leads_to,
            stated=True,
        )
    url, leads = address(site.url, page), bool(expected.leads_to)
    return Ask(name or page, url, partial(judge, expected=expected), known, leads=leads)


def address(base: str, page: str) -> str:
    """Return the address of a page below the site's address; empty if that is not valid."""
    return join(base.rstrip("/") + "/", page.lstrip("/"))


def _unseen(url: str) -> str:
    """Return the address with a query string that no cache has seen."""
    place = split(url)
    if place is None:
        return url
    query = "&".join(filter(None, (place.query, urlencode({"sitecrew": secrets.token_hex(6)}))))
    return str(replace(place, query=query))


def _served(answer: Answer) -> int | None:
    """Return the status of a file; 404 if the server sends an HTML page instead, as some do."""
    html = "text/html" in answer.header("content-type")
    return 404 if answer.status == 200 and html else answer.status  # noqa: PLR2004
