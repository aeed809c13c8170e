"""Addresses of the web as strangers write them: a text becomes a place or nothing, never an exception."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from runner.addresses import ascii_domain

__all__ = ["Place", "below", "join", "same_site", "split"]

_LONGEST = 8192
"""Characters of an address: what web servers accept in a request line."""
_DEFAULTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_KEPT = "%/:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address that can be asked. It has no user, no password and no fragment."""

    scheme: str
    """`http` or `https`."""
    host: str
    """In small ASCII letters, or an IP address without brackets."""
    port: int
    path: str
    """Quoted; begins with a slash."""
    query: str = ""

    @property
    def origin(self) -> tuple[str, int]:
        """Who answers for it."""
        return self.host, self.port

    @property
    def authority(self) -> str:
        """Host and, where it is not the usual one, port: the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query, as a request line has them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def split(url: str) -> Place | None:
    """The place that an address names; None when it names none that can be asked."""
    if len(url) > _LONGEST:
        return None
    try:
        parts = urlsplit(url.strip())
        scheme, port, name = parts.scheme.lower(), parts.port, parts.hostname or ""
    except ValueError:
        return None
    host = _host(name)
    if scheme not in _DEFAULTS or not host or port == 0:
        return None
    return Place(
        scheme=scheme,
        host=host,
        port=port or _DEFAULTS[scheme],
        path=quote(parts.path, safe=_KEPT.replace("?", "")) or "/",
        query=quote(parts.query, safe=_KEPT),
    )


def join(base: str, reference: str) -> str:
    """The address that a reference on a page means; empty when it means none."""
    if len(reference) > _LONGEST:
        return ""
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        return ""


def same_site(place: Place, home: Place) -> bool:
    """Whether what is meant for `home` may be shown to a place: its host and port, and not without its TLS.

    `www.` makes no difference, nor does https instead of http, since sites lead on to these themselves.
    """
    return _same_host(place, home) and (home.scheme, place.scheme) != ("https", "http")


def below(place: Place, base: Place) -> bool:
    """Whether a place is the base's own: its host and port, and below its path however the dots are written.

    `www.` makes no difference, nor does https instead of http.
    """
    if not _same_host(place, base):
        return False
    path = place.path.encode()
    for _ in range(3):  # quoted twice is unquoted twice by a proxy before a server
        path = unquote_to_bytes(path)
    segments = path.replace(b"\\", b"/").split(b"/")
    own = unquote_to_bytes(base.path).rstrip(b"/") + b"/"
    return path.startswith(own) and not {b"..", b"."} & {segment.split(b";")[0] for segment in segments}


def _same_host(place: Place, other: Place) -> bool:
    """With or without `www.`; the usual ports of http and https are one."""
    if place.host.removeprefix("www.") != other.host.removeprefix("www."):
        return False
    return place.port == other.port or {place.port, other.port} <= set(_DEFAULTS.values())


def _host(name: str) -> str:
    """The name as it is asked for, empty when it is none."""
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
