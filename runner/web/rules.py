"""Allowed targets of requests: the hosts of the inventory, at public addresses unless stated otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from runner.web.url import Url, parse_url

__all__ = ["Rules", "is_public"]

_PORTS = (80, 443)
_PRIVATE = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_PRIVATE_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Parts of `_GLOBAL_6` that are not public: Teredo and other protocols, documentation, 6to4."""
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Allowed targets of a request, and limits for the response."""

    origins: frozenset[tuple[str, int]]
    """Allowed hosts with their ports, for the first URL and every redirect."""
    local: frozenset[str] = field(default=frozenset())
    """Those of the hosts that are written as a private address or as localhost."""
    private: bool = False
    """Host names may resolve to private addresses: `private: true` for the site."""
    size: int = 4 << 20
    """Most bytes of a body, decompressed."""
    redirects: int = 8

    @classmethod
    def of(cls, *urls: str, private: bool = False, size: int = 4 << 20) -> Self:
        """Return rules for URLs of the inventory, each with and without `www.`, over http and https.

        For a host that is itself a private address, only the ports in the URLs are allowed.
        """
        found = [url for text in urls if (url := parse_url(text))]
        local = {url.host for url in found if is_local(url.host)}
        origins = {origin for url in found for origin in _origins(url, local=url.host in local)}
        return cls(origins=frozenset(origins), local=frozenset(local), private=private, size=size)

    @classmethod
    def named_by_a_site(cls, *urls: str) -> Self:
        """Return rules for URLs that a site named: only public addresses are allowed."""
        found = [url for text in urls if (url := parse_url(text)) and not is_local(url.host)]
        return cls(origins=frozenset(origin for url in found for origin in _origins(url, local=False)))

    def refusal(self, url: Url, before: Url | None = None) -> str:
        """Return why a URL is not requested; empty if it is allowed.

        Args:
            url: the URL to request.
            before: the URL that redirected to it.
        """
        if url.host not in {host for host, _ in self.origins}:
            return f"redirects to another site, {url.host}"
        if url.origin not in self.origins:
            return f"redirects to another port, {url.port}"
        if before is not None and (before.scheme, url.scheme) == ("https", "http"):
            return "redirects from https to http"
        return ""

    def admits(self, host: str, address: str) -> bool:
        """Whether a host may be connected to at an address to which its name resolved."""
        if host not in self.local:
            return self.private or is_public(address)
        if _literal(host) is not None:
            return _literal(address) == _literal(host)
        found = _literal(address)
        return found is not None and found.is_loopback


def is_public(address: str) -> bool:
    """Whether an IP address is public, also if it is embedded in an IPv6 address."""
    found = _literal(address)
    if isinstance(found, IPv6Address) and found in _NAT64:
        found = IPv4Address(int(found) & 0xFFFF_FFFF)
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _PRIVATE)
    if found is None or found.scope_id:
        return False
    return found in _GLOBAL_6 and not any(found in network for network in _PRIVATE_6)


def is_local(host: str) -> bool:
    """Whether a host is written as a private address or localhost."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _literal(host) is not None and not is_public(host)


def _origins(url: Url, *, local: bool) -> Iterable[tuple[str, int]]:
    if local:
        return [url.origin]
    bare = url.host.removeprefix("www.")
    hosts = (url.host,) if _literal(url.host) else (url.host, bare, f"www.{bare}")
    return [(host, port) for host in hosts for port in (*_PORTS, url.port)]


def _literal(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
