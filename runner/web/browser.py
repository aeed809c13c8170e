"""The browser of the controller: it has never been anywhere before, and it goes only where it may."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Self

from runner.web.answer import Answer
from runner.web.place import Place, join, same_site, split
from runner.web.reasons import reason
from runner.web.rules import Rules

if TYPE_CHECKING:
    from runner.web.wire import Allowance

__all__ = ["Browser", "authorities", "fetch"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEAD = 256 << 10
"""Bytes that may come before a body: headers, and answers that only announce one."""
_HEADERS = 100
_VALUE = 8192
_KEPT = 16
"""Connections that are kept."""
_USUAL = {
    "User-Agent": "Sitecrew/1 (website care; +look)",
    "Accept": "text/html,*/*;q=0.8",
    "Accept-Encoding": "gzip",
}


class Browser:
    """Asks servers within rules. It keeps connections and nothing else: neither pages nor cookies.

    Several threads may use it at once.
    """

    def __init__(
        self,
        rules: Rules,
        headers: Mapping[str, str] | None = None,
        *,
        keys: tuple[str, Mapping[str, str]] = ("", {}),
    ) -> None:
        """Headers that go with requests.

        Args:
            rules: whom it may ask.
            headers: with every request.
            keys: an address, and what is shown to its own site, and to no other: see `same_site`.
        """
        import httpcore  # a tenth of a second that only questions need

        from runner.web.wire import Network

        self._rules = rules
        self._headers = _USUAL | dict(headers or {})
        self._home, self._keys = split(keys[0]), dict(keys[1])
        self._network = Network(rules)
        self._pool = httpcore.ConnectionPool(
            ssl_context=authorities(),
            max_connections=_KEPT,
            keepalive_expiry=5.0,
            network_backend=self._network,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        self._pool.close()

    def fetch(
        self,
        url: str,
        limit: float,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Ask, and follow redirects within the rules. What goes wrong is in the answer, never raised.

        Args:
            url: what to ask; a stranger may have written it.
            limit: seconds for all of it: names, connections, redirects and the body.
            headers: for this request.
            body: makes it a POST, which follows no redirect.
        """
        from runner.web.wire import Allowance

        allowance = Allowance(time.monotonic() + limit)
        try:
            return self._follow(url, allowance, self._headers | dict(headers or {}), body)
        except TimeoutError:
            return Answer(asked=url, failure=f"does not answer within {round(limit, 1):g} s")
        except _Late:
            return Answer(asked=url, failure=f"did not finish within {round(limit, 1):g} s")
        except Exception as error:  # noqa: BLE001 - whatever a server makes a library raise
            return Answer(asked=url, failure=f"cannot be reached: {reason(error)}")

    def _follow(
        self, url: str, allowance: Allowance, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        place = split(url)
        if place is None:
            return Answer(asked=url, failure="is not an address that can be asked")
        if why := self._rules.refusal(place):
            return Answer(asked=url, failure=why)
        for _ in range(self._rules.redirects + 1):
            answer = self._ask(url, place, allowance, headers, body)
            if body is not None or answer.status not in _REDIRECTS or not answer.header("location"):
                return answer
            leads = join(str(place), answer.header("location"))
            following = split(leads)
            if following is None:
                return _stay(answer, str(place), "leads to an address that cannot be asked")
            if why := self._rules.refusal(following, place):
                return _stay(answer, str(following), why)
            place = following
        return _stay(answer, str(place), "redirects in a loop")

    def _ask(
        self,
        asked: str,
        place: Place,
        allowance: Allowance,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer:
        """One request to one place."""
        import httpcore

        from runner.web.body import Body

        allowance.bytes = _HEAD
        self._network.begin(allowance)
        url = httpcore.URL(
            scheme=place.scheme.encode(),
            host=place.host.encode(),
            port=place.port,
            target=place.target.encode("ascii"),
        )
        sent = [("Host", place.authority), *self._with_keys(place, headers).items()]
        method = "GET" if body is None else "POST"
        if body is not None:
            sent.append(("Content-Length", str(len(body))))
        more = {"timeout": {"pool": allowance.left()}}
        with self._pool.stream(method, url, headers=sent, content=body, extensions=more) as response:
            said = _headers(response.headers)
            answer = Answer(asked=asked, url=str(place), status=response.status, headers=said)
            if response.status in _REDIRECTS and body is None:
                return answer
            allowance.bytes = 2 * self._rules.size + _HEAD
            taken = Body(answer.header("content-encoding"), self._rules.size)
            try:
                for piece in response.iter_stream():
                    if not taken.add(piece):
                        break
                    allowance.left()
            except TimeoutError:
                raise (_Late if taken.begun else TimeoutError) from None
        return Answer(
            asked=asked,
            url=str(place),
            status=answer.status,
            body=taken.content,
            headers=said,
            cut=taken.cut,
        )

    def _with_keys(self, place: Place, headers: Mapping[str, str]) -> Mapping[str, str]:
        home = self._home
        if home is None or not same_site(place, home):
            return headers
        cookies = "; ".join(filter(None, (self._keys.get("Cookie"), headers.get("Cookie"))))
        return {**headers, **self._keys, **({"Cookie": cookies} if cookies else {})}


def fetch(
    url: str,
    rules: Rules,
    limit: float,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One question, as `Browser.fetch` asks it."""
    with Browser(rules) as browser:
        return browser.fetch(url, limit, headers=headers, body=body)


@cache
def authorities() -> ssl.SSLContext:
    """TLS with the authorities that browsers trust; certificates and names are always checked."""
    import httpx

    return httpx.create_ssl_context()


class _Late(Exception):  # noqa: N818 - a word between two functions
    """The time was over when a body had begun."""


def _stay(answer: Answer, leads: str, why: str) -> Answer:
    return Answer(asked=answer.asked, url=leads, status=answer.status, failure=why, headers=answer.headers)


def _headers(found: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1").lower(), value[:_VALUE].decode("utf-8", "replace"))
        for name, value in found[:_HEADERS]
    )
