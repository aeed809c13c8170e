"""Request pages as a browser does on its first visit."""

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
from runner.verify.access import NO_HEADERS
from runner.verify.judge import Expectation, count_stylesheets, is_temporarily_unavailable, judge
from runner.verify.machine_readable import is_xml, machine_traits, xml_signs
from runner.verify.seen import refusal_reason, seen_of
from runner.verify.traits import NO_TRAITS, Traits, traits
from runner.web import Answer, Browser, Rules, join, parse_url

__all__ = ["MAINTENANCE_WAIT", "PageCheck", "PageChecker", "PageRequest", "address", "look", "page_request"]

_PARALLEL = 4
MAINTENANCE_WAIT = 12.0
"""Seconds to wait for the end of maintenance mode, which an update by the site itself may have started."""
OK = 200
_LONGEST = 60.0
"""Seconds for a whole health check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The time limits and pauses of a health check, in seconds."""

    limit: float = 8.0
    """Limit for a request, including redirects and body."""
    patience: float = 3.0
    """How long a bad answer is retried before it counts."""
    maintenance_wait: float = MAINTENANCE_WAIT
    """How long to wait for the end of maintenance mode."""
    pause: Callable[[float], None] = time.sleep
    """Sleeps between two tries."""


TIMING = Timing()
"""The default time limits."""


def look(
    site: Site,
    expected: Expectation,
    *,
    pages: Sequence[str] | None = None,
    timing: Timing = TIMING,
    credentials: Mapping[str, str] = NO_HEADERS,
) -> Look:
    """Request the pages of a site without caches, with TLS verified, and judge them.

    A bad answer is retried before it counts: a 503 at the end of an update or a restarting worker does not
    mean that the site is broken.

    Args:
        site: the site.
        expected: what is expected of every page.
        pages: paths below the site's URL; those of the site by default.
        timing: the time limits.
        credentials: headers that give access to the site.
    """
    requests = [page_request(site, page, expected) for page in pages or site.pages]
    with PageChecker(site, timing, credentials=credentials) as checker:
        return Look(
            site=site.name,
            at=datetime.now(UTC),
            pages=tuple(check.page for check in checker.check(requests)),
        )


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request and the function that judges its answer."""

    name: str
    url: str
    judge: Callable[[Answer], tuple[str, ...]]
    """Returns the findings of an answer."""
    known: bool = False
    """Send the cookies of a logged-in visitor, so that page caches do not answer."""
    plain: bool = False
    """Request the page as visitors do: caches may answer."""
    limit: float = 0.0
    """Seconds for this request; 0 for the limit of the health check."""
    usual: frozenset[str] = frozenset()
    """Usual findings of the page, which are not retried."""
    redirects: bool = False
    """A redirect is expected and is judged even if it is not followed."""
    machine: bool = False
    """Read by programs, for which every byte matters."""
    may_fail: bool = False
    """A failed request is no finding."""


@dataclass(frozen=True, slots=True)
class PageCheck:
    """The result for one page, and its traits."""

    page: PageLook
    traits: Traits = NO_TRAITS
    machine: bool = False
    """Read by programs, not by people."""


class PageChecker:
    """Sends the requests of a health check, several at once, and retries bad answers within time limits.

    Requests go only to the hosts of the site.
    """

    def __init__(
        self,
        site: Site,
        timing: Timing = TIMING,
        *,
        rules: Rules | None = None,
        credentials: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        """Create a checker.

        Args:
            site: the site.
            timing: the time limits.
            rules: allowed targets; by default the hosts of the site.
            credentials: headers that give access to the site.
        """
        self._timing = timing
        self._end = time.monotonic() + max(_LONGEST, timing.limit)
        self._maintenance_end = time.monotonic() + timing.maintenance_wait
        self._with_credentials = bool(credentials)
        rules = rules or Rules.of(site.url, private=site.private)
        self._browser = Browser(rules, _UNCACHED, credentials=(site.url, credentials))
        self._visitor = Browser(rules, credentials=(site.url, credentials))
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._browser.close()
        self._visitor.close()

    def check(self, requests: Sequence[PageRequest]) -> tuple[PageCheck, ...]:
        """Send the requests and return the results in the same order."""
        return tuple(self._pool.map(self._check, requests))

    def statuses(self, urls: Sequence[str]) -> dict[str, int | None]:
        """Return the status of each URL; None without an answer."""
        return dict(zip(urls, self._pool.map(self._status, urls), strict=True))

    def _status(self, url: str) -> int | None:
        """Return the status of a file, which may come from a cache, as for visitors."""
        return _file_status(self.fetch(url))

    def fetch(self, url: str, *, known: bool = False) -> Answer:
        """Send one request and return the answer; `known` as in `PageRequest`."""
        answer = self._fetch(url, self._timing.limit, known=known)
        if seen_of(answer) is Seen.REFUSED:
            answer = self._fetch_plainly(url, self._timing.limit, answer, known=known, cached=True)
        return answer

    def _check(self, request: PageRequest) -> PageCheck:
        limit, known = request.limit or self._timing.limit, request.known
        first_try = time.monotonic()
        wait = 0.4
        while True:
            started = time.monotonic()
            answer = self._fetch(request.url, limit, known=known, visitor=request.plain)
            seconds = time.monotonic() - started
            if seen_of(answer) is Seen.REFUSED and not request.plain:
                answer = self._fetch_plainly(request.url, limit, answer, known=known)
            check = _page_check(request, answer, round(seconds, 3), with_credentials=self._with_credentials)
            end = first_try + self._timing.patience
            if is_temporarily_unavailable(answer):
                end = max(end, self._maintenance_end)
            if request.usual.issuperset(check.page.findings) or time.monotonic() + wait > min(end, self._end):
                return check
            self._timing.pause(wait)
            wait *= 2

    def _fetch_plainly(
        self, url: str, limit: float, refused: Answer, *, known: bool, cached: bool = False
    ) -> Answer:
        """Request the URL without our query, which a firewall may have refused.

        An answer from a cache is used only if `cached`; otherwise the refusal is returned.
        """
        answer = self._fetch(url, limit, known=known, plain=True)
        is_valid = seen_of(answer) is Seen.SEEN and (cached or not traits(answer).cached)
        return answer if is_valid else refused

    def _fetch(
        self, url: str, limit: float, *, known: bool = False, plain: bool = False, visitor: bool = False
    ) -> Answer:
        left = self._end - time.monotonic()
        if left <= 0:
            return Answer(asked=url, failure="was not checked: the health check reached its time limit")
        if visitor:
            return self._visitor.fetch(url, min(limit, left))
        target = url if plain else _with_unique_query(url)
        return self._browser.fetch(target, min(limit, left), headers=_KNOWN if known else None)


_UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_KNOWN = {"Cookie": "wordpress_logged_in_sitecrew=1; comment_author_sitecrew=1"}
"""Cookies of a logged-in visitor. They grant nothing, but page caches let WordPress answer."""


def _page_check(request: PageRequest, answer: Answer, seconds: float, *, with_credentials: bool) -> PageCheck:
    """Judge an answer. If that fails, the failure is a finding, so that the check continues."""
    result = PageLook(
        page=request.name,
        url=request.url,
        status=answer.status,
        seconds=seconds,
        size=len(answer.body),
        seen=seen_of(answer),
        refusal=refusal_reason(answer, with_credentials=with_credentials),
    )
    try:
        has_failed = answer.failure and not request.may_fail and not (request.redirects and answer.status)
        findings = (answer.failure,) if has_failed else request.judge(answer)
        page = replace(result, stylesheets=count_stylesheets(answer.body), findings=findings)
        found = machine_traits(answer) if request.machine else traits(answer)
        if not request.machine and is_xml(answer):
            found = replace(found, signs=(*found.signs, *xml_signs(answer)))
        return PageCheck(page, found, request.machine)
    except Exception as error:  # noqa: BLE001 - a crafted page may trigger a bug of ours
        return PageCheck(replace(result, findings=(f"cannot be checked ({type(error).__name__})",)))


def page_request(
    site: Site, page: str, expected: Expectation, *, known: bool = False, name: str = ""
) -> PageRequest:
    """Return the request for a page. The inventory's statements about the page take precedence."""
    stated = site.stated.get(page)
    if stated is not None and expected.status == OK:
        expected = replace(
            expected,
            status=stated.status or OK,
            text=expected.text if stated.status in {None, OK} else None,
            leads_to=stated.leads_to,
            stated=True,
        )
    url, redirects = address(site.url, page), bool(expected.leads_to)
    return PageRequest(name or page, url, partial(judge, expected=expected), known, redirects=redirects)


def address(base: str, page: str) -> str:
    """Return the URL of a page below the site's URL; empty if it is invalid."""
    return join(base.rstrip("/") + "/", page.lstrip("/"))


def _with_unique_query(url: str) -> str:
    """Return the URL with a unique query string, so that no cache has it."""
    parsed = parse_url(url)
    if parsed is None:
        return url
    query = "&".join(filter(None, (parsed.query, urlencode({"sitecrew": secrets.token_hex(6)}))))
    return str(replace(parsed, query=query))


def _file_status(answer: Answer) -> int | None:
    """Return the status of a file; 404 if the server sends an HTML page instead, as some do."""
    html = "text/html" in answer.header("content-type")
    return 404 if answer.status == 200 and html else answer.status  # noqa: PLR2004
