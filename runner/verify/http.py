"""Fetching pages as a visitor whose browser has never been there before."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from runner.model import Look, PageLook, Site
from runner.verify.judge import Answer, Expectation, count_stylesheets, judge
from runner.verify.tls import reason

if TYPE_CHECKING:
    import httpx

__all__ = ["browser", "fetch", "look"]

_BODY_LIMIT = 8 << 20
_AT_ONCE = 4
_PATIENCE = 3.0


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
    wanted = tuple(pages or site.pages)
    with (
        browser(limit) as client,
        ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(wanted))) as pool,
    ):
        looker = _Looker(client, expected, limit, patience, pause)
        looks = pool.map(lambda page: looker.page(site.url, page), wanted)
        return Look(site=site.name, at=datetime.now(UTC), pages=tuple(looks))


def browser(limit: float) -> httpx.Client:
    """A client like a browser that has never been there: no cookies, no cache, certificates verified."""
    import httpx  # a tenth of a second that only looks need

    return httpx.Client(timeout=limit, follow_redirects=True, max_redirects=8, headers=_HEADERS)


_HEADERS = {
    "User-Agent": "Sitecrew/1 (website care; +look)",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Accept": "text/html,*/*;q=0.8",
}


@dataclass(frozen=True)
class _Looker:
    """Asks for pages again until the answer is good or patience ends."""

    client: httpx.Client
    expected: Expectation
    limit: float
    patience: float
    pause: Callable[[float], None]

    def page(self, base: str, page: str) -> PageLook:
        """Ask until the answer is good or patience ends."""
        end = time.monotonic() + self.patience
        wait = 0.4
        while True:
            began = time.monotonic()
            answer = fetch(self.client, _address(base, page), self.limit)
            seconds = time.monotonic() - began
            findings = judge(answer, self.expected)
            if not findings or time.monotonic() + wait > end:
                return PageLook(
                    page=page,
                    url=_address(base, page).rpartition("sitecrew=")[0][:-1],
                    status=answer.status,
                    seconds=round(seconds, 3),
                    size=len(answer.body),
                    stylesheets=count_stylesheets(answer.body),
                    findings=findings,
                )
            self.pause(wait)
            wait *= 2


def _address(base: str, page: str) -> str:
    """The page's address with a query that no cache has seen."""
    url = urljoin(base.rstrip("/") + "/", page.lstrip("/"))
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'sitecrew': secrets.token_hex(6)})}"


def fetch(client: httpx.Client, url: str, limit: float) -> Answer:
    """One request with `limit` seconds for all of it. What goes wrong is in the answer, never raised."""
    import httpx

    body = bytearray()
    deadline = _Deadline(limit)
    try:
        with deadline, client.stream("GET", url, extensions={"trace": deadline.trace}) as response:
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
                )
    except httpx.TooManyRedirects:
        return Answer(asked=url, failure="redirects in a loop")
    except httpx.TimeoutException:
        pass
    except httpx.HTTPError as error:
        if not deadline.passed:
            return Answer(asked=url, failure=f"cannot be reached: {reason(error)}")
    late = "did not finish" if body else "does not answer"
    return Answer(asked=url, failure=f"{late} within {limit:g} s")


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
