"""Fetching pages as a visitor whose browser has never been there before."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from runner.model import Look, PageLook, Site
from runner.verify.judge import Answer, Expectation, count_stylesheets, judge
from runner.verify.tls import reason
from runner.verify.traits import NO_TRAITS, Traits, traits

if TYPE_CHECKING:
    import httpx

__all__ = ["DOOR", "Ask", "Looker", "Sight", "browser", "fetch", "look"]

_BODY_LIMIT = 8 << 20
_AT_ONCE = 4
_PATIENCE = 3.0
DOOR = 12.0
"""Seconds for which a look waits for a closed door: an update's own opens again."""
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
    """
    judged = partial(judge, expected=expected)
    asks = [Ask(page, address(site.url, page), judged) for page in pages or site.pages]
    with Looker(limit, patience, pause) as looker:
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
    limit: float = 0.0
    """Seconds for a request, where it may have more than others."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A page as it was answered, and what it is like."""

    page: PageLook
    traits: Traits = NO_TRAITS


class Looker:
    """Asks until answers are good or patience ends, some at once. All of a look has an end."""

    def __init__(
        self,
        limit: float,
        patience: float = _PATIENCE,
        pause: Callable[[float], None] = time.sleep,
        *,
        door: float = DOOR,
    ) -> None:
        self._limit, self._patience, self._pause = limit, patience, pause
        self._end = time.monotonic() + max(_WHOLE, limit)
        self._door = time.monotonic() + door
        self._browsers = {known: browser(limit, known=known) for known in (False, True)}
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for client in self._browsers.values():
            client.close()

    def see(self, asks: Sequence[Ask]) -> tuple[Sight, ...]:
        """What each was answered, in order."""
        return tuple(self._pool.map(self._ask, asks))

    def statuses(self, urls: Sequence[str]) -> dict[str, int | None]:
        """How addresses are answered; None where no answer came."""
        answers = self._pool.map(lambda url: self._fetch(url, self._limit), urls)
        return {url: _served(answer) for url, answer in zip(urls, answers, strict=True)}

    def _ask(self, ask: Ask) -> Sight:
        asked = time.monotonic()
        wait = 0.4
        while True:
            began = time.monotonic()
            answer = self._fetch(ask.url, ask.limit or self._limit, known=ask.known)
            seconds = time.monotonic() - began
            findings = (answer.failure,) if answer.failure else ask.judged(answer)
            end = asked + self._patience
            end = min(max(end, self._door) if answer.waits else end, self._end)
            if not findings or time.monotonic() + wait > end:
                page = PageLook(
                    page=ask.name,
                    url=ask.url,
                    status=answer.status,
                    seconds=round(seconds, 3),
                    size=len(answer.body),
                    stylesheets=count_stylesheets(answer.body),
                    findings=findings,
                )
                return Sight(page, traits(answer))
            self._pause(wait)
            wait *= 2

    def _fetch(self, url: str, limit: float, *, known: bool = False) -> Answer:
        left = self._end - time.monotonic()
        if left <= 0:
            return Answer(asked=url, failure="was not looked at: the time for the look was over")
        return fetch(self._browsers[known], _unseen(url), min(limit, left))


def browser(limit: float, *, known: bool = False) -> httpx.Client:
    """A client that keeps nothing, neither pages nor cookies, and verifies certificates.

    `known`: it has the cookies of somebody who logged in and has commented, good for nothing but that page
    caches let WordPress answer.
    """
    import httpx  # a tenth of a second that only looks need

    jar = CookieJar(_Forgetful())
    for name in _KNOWN if known else ():
        httpx.Cookies(jar).set(name, "1")
    return httpx.Client(
        timeout=limit,
        follow_redirects=True,
        max_redirects=8,
        headers=_HEADERS,
        cookies=jar,
        verify=_authorities(),
    )


class _Forgetful(DefaultCookiePolicy):
    """No page is asked for with what another has set."""

    def set_ok(self, *_: object) -> bool:
        return False


@cache
def _authorities() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


_KNOWN = ("wordpress_logged_in_sitecrew", "comment_author_sitecrew")
_HEADERS = {
    "User-Agent": "Sitecrew/1 (website care; +look)",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Accept": "text/html,*/*;q=0.8",
}


def address(base: str, page: str) -> str:
    """The address of a page below the site's."""
    return urljoin(base.rstrip("/") + "/", page.lstrip("/"))


def _unseen(url: str) -> str:
    """The address with a query that no cache has seen."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode({"sitecrew": secrets.token_hex(6)}))))
    return urlunsplit(parts._replace(query=query, fragment=""))


def _served(answer: Answer) -> int | None:
    """A page in the place of a file is what some servers say for 404."""
    kind = next((value for name, value in answer.headers if name == "content-type"), "")
    return 404 if answer.status == 200 and "text/html" in kind else answer.status  # noqa: PLR2004


def fetch(client: httpx.Client, url: str, limit: float) -> Answer:
    """One request with `limit` seconds for all of it. What goes wrong is in the answer, never raised."""
    import httpx

    body = bytearray()
    deadline = _Deadline(limit)
    try:
        asked = client.stream("GET", url, timeout=limit, extensions={"trace": deadline.trace})
        with deadline, asked as response:
            for chunk in response.iter_bytes():
                body += chunk
                if deadline.passed:
                    break
                if len(body) > _BODY_LIMIT:
                    break
            if not deadline.passed:
                return Answer(
                    asked=url,
                    url=str(response.url),
                    status=response.status_code,
                    body=bytes(body[:_BODY_LIMIT]),
                    headers=tuple((name.lower(), value) for name, value in response.headers.multi_items()),
                    cut=len(body) > _BODY_LIMIT,
                )
    except httpx.TooManyRedirects:
        return Answer(asked=url, failure="redirects in a loop")
    except httpx.TimeoutException:
        pass
    except httpx.HTTPError as error:
        if not deadline.passed:
            return Answer(asked=url, failure=f"cannot be reached: {reason(error)}")
    late = "did not finish" if body else "does not answer"
    return Answer(asked=url, failure=f"{late} within {round(limit, 1):g} s")


class _Deadline:
    """Breaks the connections of a request when its time is up: httpx limits each wait, not their sum."""

    def __init__(self, limit: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._turn = threading.Lock()
        self._timer = threading.Timer(limit, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Is told by httpx of every connection that is opened."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with self._turn:
                self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.passed:
                self._cut()

    def _cut(self) -> None:
        with self._turn:
            self.passed = True
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
