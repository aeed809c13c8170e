"""Fetching pages as a visitor whose browser has never been there before."""

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
"""Seconds for which a look waits for a closed door: an update's own opens again."""
OK = 200
_WHOLE = 60.0
"""Seconds for one look at all of a site."""


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
    """Look at a site's pages, uncached, with TLS verified.

    A bad answer is confirmed before it counts: it is asked again until `patience` seconds have passed, since
    a 503 while an update ends, or a worker that restarts, is not yet a broken site.

    Args:
        site: whose pages, unless `pages` names others.
        expected: what each page must be like.
        pages: paths below the site's address.
        limit: seconds for one request, everything included.
        patience: seconds for which a bad answer is asked again.
        pause: waits between two tries.
        keys: headers that let us in.
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
    """What to ask for, and what is wrong with an answer."""

    name: str
    url: str
    judged: Callable[[Answer], tuple[str, ...]]
    known: bool = False
    """Asked with the cookies of somebody whom page caches do not serve."""
    plain: bool = False
    """Asked as visitors do: caches may answer."""
    limit: float = 0.0
    """Seconds for a request, where it may have more than others."""
    usual: frozenset[str] = frozenset()
    """Findings that are usual for the page: they are not waited for to pass."""
    leads: bool = False
    """It is to lead elsewhere: a redirect that is not followed is judged too."""
    machine: bool = False
    """Programs read it, and every byte of it."""
    silent: bool = False
    """No answer may be the right one."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A page as it was answered, and what it is like."""

    page: PageLook
    traits: Traits = NO_TRAITS
    machine: bool = False
    """Programs read it, people do not."""


class Looker:
    """Asks until answers are good or patience ends, some at once. All of a look has an end.

    It asks the site's own hosts and no other.
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
        """`rules` are for addresses that are not the site's own."""
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
        """What each was answered, in order."""
        return tuple(self._pool.map(self._ask, asks))

    def statuses(self, urls: Sequence[str]) -> dict[str, int | None]:
        """How addresses are answered; None where no answer came."""
        return dict(zip(urls, self._pool.map(self._status, urls), strict=True))

    def _status(self, url: str) -> int | None:
        """Of a file, which a cache may have kept: visitors get it from there too."""
        return _served(self.fetch(url))

    def fetch(self, url: str, *, known: bool = False) -> Answer:
        """One answer, for what else it says; `known` as in `Ask`."""
        answer = self._fetch(url, self._limit, known=known)
        if seen_of(answer) is Seen.REFUSED:
            answer = self._plainly(url, self._limit, answer, known=known, cached=True)
        return answer

    def _ask(self, ask: Ask) -> Sight:
        asked = time.monotonic()
        wait = 0.4
        while True:
            began = time.monotonic()
            answer = self._fetch(ask.url, ask.limit or self._limit, known=ask.known, visitor=ask.plain)
            seconds = time.monotonic() - began
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
        """The answer to the address as it is, where it is one: a firewall may know no query like ours.

        What a cache kept is evidence only with `cached`; else the refusal stands then.
        """
        answer = self._fetch(url, limit, known=known, plain=True)
        good = seen_of(answer) is Seen.SEEN and (cached or not traits(answer).cached)
        return answer if good else refused

    def _fetch(
        self, url: str, limit: float, *, known: bool = False, plain: bool = False, visitor: bool = False
    ) -> Answer:
        left = self._end - time.monotonic()
        if left <= 0:
            return Answer(asked=url, failure="was not looked at: the time for the look was over")
        if visitor:
            return self._visitor.fetch(url, min(limit, left))
        asked = url if plain else _unseen(url)
        return self._browser.fetch(asked, min(limit, left), headers=_KNOWN if known else None)


_UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_KNOWN = {"Cookie": "wordpress_logged_in_sitecrew=1; comment_author_sitecrew=1"}
"""Of somebody who logged in and has commented: good for nothing but that page caches let WordPress answer."""


def _sight(ask: Ask, answer: Answer, seconds: float, *, keys: bool) -> Sight:
    """What an answer is like. One that cannot be judged is a finding: it must not end the look at others."""
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
    except Exception as error:  # noqa: BLE001 - a page made for it, and a defect of ours
        return Sight(replace(seen, findings=(f"cannot be judged ({type(error).__name__})",)))


def page_ask(site: Site, page: str, expected: Expectation, *, known: bool = False, name: str = "") -> Ask:
    """The question for a page of a site, which is judged by what the inventory states of it, if it does."""
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
    """The address of a page below the site's; empty where it makes none."""
    return join(base.rstrip("/") + "/", page.lstrip("/"))


def _unseen(url: str) -> str:
    """The address with a query that no cache has seen."""
    place = split(url)
    if place is None:
        return url
    query = "&".join(filter(None, (place.query, urlencode({"sitecrew": secrets.token_hex(6)}))))
    return str(replace(place, query=query))


def _served(answer: Answer) -> int | None:
    """A page in the place of a file is what some servers say for 404."""
    html = "text/html" in answer.header("content-type")
    return 404 if answer.status == 200 and html else answer.status  # noqa: PLR2004
