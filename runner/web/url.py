"""Parse untrusted URLs. Invalid ones give None or an empty text, never an exception."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from runner.addresses import ascii_domain

__all__ = ["Url", "below", "join", "parse_url", "same_site"]

_LONGEST = 8192
"""Most characters of a URL: what web servers accept in a request line."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_SAFE = "%/:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL that can be requested. It has no user, password or fragment."""

    scheme: str
    """`http` or `https`."""
    host: str
    """In lower case ASCII, or an IP address without brackets."""
    port: int
    path: str
    """Percent-encoded; starts with a slash."""
    query: str = ""

    @property
    def origin(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def authority(self) -> str:
        """The `Host` header: the host, and the port unless it is the default of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query, for the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(url: str) -> Url | None:
    """Parse a URL; None if it is invalid or its scheme is not http or https."""
    if len(url) > _LONGEST:
        return None
    try:
        parts = urlsplit(url.strip())
        scheme, port, name = parts.scheme.lower(), parts.port, parts.hostname or ""
    except ValueError:
        return None
    host = _host(name)
    if scheme not in _DEFAULT_PORTS or not host or port == 0:
        return None
    return Url(
        scheme=scheme,
        host=host,
        port=port or _DEFAULT_PORTS[scheme],
        path=quote(parts.path, safe=_SAFE.replace("?", "")) or "/",
        query=quote(parts.query, safe=_SAFE),
    )


def join(base: str, reference: str) -> str:
    """Resolve a reference on a page; empty if it is invalid."""
    if len(reference) > _LONGEST:
        return ""
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        return ""


def same_site(url: Url, home: Url) -> bool:
    """Whether credentials for `home` may be sent to a URL: same host and port, and TLS if `home` has it.

    `www.` and an upgrade from http to https make no difference: sites redirect to these themselves.
    """
    return _same_host(url, home) and (home.scheme, url.scheme) != ("https", "http")


def below(url: Url, base: Url) -> bool:
    """Whether a URL is below a base URL: same host and port, and a path below it, also with encoded dots.

    `www.` and https instead of http make no difference.
    """
    if not _same_host(url, base):
        return False
    path = url.path.encode()
    for _ in range(3):  # a proxy may decode once more than the server
        path = unquote_to_bytes(path)
    segments = path.replace(b"\\", b"/").split(b"/")
    own = unquote_to_bytes(base.path).rstrip(b"/") + b"/"
    return path.startswith(own) and not {b"..", b"."} & {segment.split(b";")[0] for segment in segments}


def _same_host(url: Url, other: Url) -> bool:
    """Whether two URLs have the same host, ignoring `www.`, and the same port or both a default port."""
    if url.host.removeprefix("www.") != other.host.removeprefix("www."):
        return False
    return url.port == other.port or {url.port, other.port} <= set(_DEFAULT_PORTS.values())


def _host(name: str) -> str:
    """Return a host name as the DNS has it; empty if it is invalid."""
    name = name.removesuffix(".")
    if not name or len(name) > 253:  # noqa: PLR2004 - the longest name of the DNS
        return ""
    if ":" in name:
        return name if re.fullmatch(r"[0-9a-f:.]+", name) else ""
    if not name.isascii():
        name = _ascii(name)
    return name if all(_LABEL.fullmatch(label) for label in name.split(".")) else ""


def _ascii(name: str) -> str:
    try:
        return ascii_domain(name)
    except ValueError:
        return ""
