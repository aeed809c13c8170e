"""An HTTP client without cookies or cache that requests only what its rules allow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Self

from runner.web.answer import Answer
from runner.web.reasons import reason
from runner.web.rules import Rules
from runner.web.url import Url, join, parse_url, same_site

if TYPE_CHECKING:
    import ssl

    from runner.web.connections import Allowance

__all__ = ["Browser", "authorities", "fetch"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEAD = 256 << 10
"""Most bytes before a body: headers and interim responses."""
_HEADERS = 100
_VALUE = 8192
_CONNECTIONS = 16
"""Most open connections."""
_DEFAULTS = {
    "User-Agent": "Sitecrew/1 (website care; +look)",
    "Accept": "text/html,*/*;q=0.8",
    "Accept-Encoding": "gzip",
}


class Browser:
    """Sends requests within rules. It keeps connections open, but no pages and no cookies.

    It can be used by several threads at once.
    """

    def __init__(
        self,
        rules: Rules,
        headers: Mapping[str, str] | None = None,
        *,
        credentials: tuple[str, Mapping[str, str]] = ("", {}),
    ) -> None:
        """Create a client.

        Args:
            rules: the allowed targets and limits.
            headers: sent with every request.
            credentials: the URL of a site and headers that are sent to this site only: see `same_site`.
        """
        import httpcore  # takes 0.1 s, so it is imported only if requests are sent

        from runner.web.connections import Network

        self._rules = rules
        self._headers = _DEFAULTS | dict(headers or {})
        self._home, self._credentials = parse_url(credentials[0]), dict(credentials[1])
        self._network = Network(rules)
        self._pool = httpcore.ConnectionPool(
            ssl_context=authorities(),
            max_connections=_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=self._network,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def fetch(
        self,
        url: str,
        limit: float,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        method: str = "POST",
    ) -> Answer:
        """Send a request and follow redirects within the rules. Errors are in the answer, never raised.

        Args:
            url: the URL, which may be untrusted.
            limit: seconds for everything: name resolution, connections, redirects and the body.
            headers: for this request only.
            body: sent with `method`. Redirects are then not followed.
            method: of a request with a body.
        """
        from runner.web.connections import Allowance

        allowance = Allowance(time.monotonic() + limit)
        try:
            return self._follow(
                url, allowance, self._headers | dict(headers or {}), None if body is None else (method, body)
            )
        except TimeoutError:
            return Answer(asked=url, failure=f"does not answer within {round(limit, 1):g} s")
        except _IncompleteBodyError:
            return Answer(asked=url, failure=f"did not finish within {round(limit, 1):g} s")
        except Exception as error:  # noqa: BLE001 - a server can make libraries raise anything
            return Answer(asked=url, failure=f"cannot be reached: {reason(error)}")

    def _follow(
        self, url: str, allowance: Allowance, headers: Mapping[str, str], body: tuple[str, bytes] | None
    ) -> Answer:
        target = parse_url(url)
        if target is None:
            return Answer(asked=url, failure="is not a valid URL")
        if why := self._rules.refusal(target):
            return Answer(asked=url, failure=why)
        for _ in range(self._rules.redirects + 1):
            answer = self._request(url, target, allowance, headers, body)
            if body is not None or answer.status not in _REDIRECTS or not answer.header("location"):
                return answer
            following = parse_url(join(str(target), answer.header("location")))
            if following is None:
                return _not_followed(answer, str(target), "redirects to an invalid URL")
            if why := self._rules.refusal(following, target):
                return _not_followed(answer, str(following), why)
            target = following
        return _not_followed(answer, str(target), "redirects in a loop")

    def _request(
        self,
        asked: str,
        target: Url,
        allowance: Allowance,
        headers: Mapping[str, str],
        body: tuple[str, bytes] | None,
    ) -> Answer:
        """Send one request, without following redirects. `body` is its method and content."""
        import httpcore

        from runner.web.body import Body

        allowance.bytes = _HEAD
        self._network.start(allowance)
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.target.encode("ascii"),
        )
        sent = [("Host", target.authority), *self._with_credentials(target, headers).items()]
        method, content = ("GET", None) if body is None else body
        if content is not None:
            sent.append(("Content-Length", str(len(content))))
        extensions = {"timeout": {"pool": allowance.left()}}
        with self._pool.stream(method, url, headers=sent, content=content, extensions=extensions) as response:
            received_headers = _headers(response.headers)
            answer = Answer(asked=asked, url=str(target), status=response.status, headers=received_headers)
            if response.status in _REDIRECTS and body is None:
                return answer
            allowance.bytes = 2 * self._rules.size + _HEAD
            received = Body(answer.header("content-encoding"), self._rules.size)
            try:
                for piece in response.iter_stream():
                    if not received.add(piece):
                        break
                    allowance.left()
            except TimeoutError:
                raise (_IncompleteBodyError if received.started else TimeoutError) from None
        return Answer(
            asked=asked,
            url=str(target),
            status=answer.status,
            body=received.content,
            headers=received_headers,
            cut=received.cut,
        )

    def _with_credentials(self, target: Url, headers: Mapping[str, str]) -> Mapping[str, str]:
        home = self._home
        if home is None or not same_site(target, home):
            return headers
        cookies = "; ".join(filter(None, (self._credentials.get("Cookie"), headers.get("Cookie"))))
        return {**headers, **self._credentials, **({"Cookie": cookies} if cookies else {})}


def fetch(
    url: str,
    rules: Rules,
    limit: float,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    method: str = "POST",
) -> Answer:
    """Send one request, as `Browser.fetch` does."""
    with Browser(rules) as browser:
        return browser.fetch(url, limit, headers=headers, body=body, method=method)


@cache
def authorities() -> ssl.SSLContext:
    """Return a TLS context with the authorities that browsers trust. Certificates are always verified."""
    import httpx

    return httpx.create_ssl_context()


class _IncompleteBodyError(Exception):
    """The time limit was reached while a body was received."""


def _not_followed(answer: Answer, target: str, why: str) -> Answer:
    return Answer(asked=answer.asked, url=target, status=answer.status, failure=why, headers=answer.headers)


def _headers(found: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1").lower(), value[:_VALUE].decode("utf-8", "replace"))
        for name, value in found[:_HEADERS]
    )
