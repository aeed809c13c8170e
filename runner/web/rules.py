"""Where a request may go: to the hosts that the operator named, and to public addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from runner.web.place import Place, split

__all__ = ["Rules", "is_public"]

_USUAL = (80, 443)
_CLOSED = tuple(
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
_OPEN_6 = IPv6Network("2000::/3")
_CLOSED_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Of the public ones: Teredo and its kin, documentation, 6to4."""
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Whom a request may ask, and how much may come back."""

    origins: frozenset[tuple[str, int]]
    """Hosts with their ports: of the first address as of every redirect."""
    local: frozenset[str] = field(default=frozenset())
    """Of these hosts, those that the operator wrote as an address of a private network or as localhost."""
    private: bool = False
    """Names may lead to addresses of a private network: the operator says so of this site."""
    size: int = 4 << 20
    """Bytes of a body, decompressed."""
    redirects: int = 8

    @classmethod
    def of(cls, *urls: str, private: bool = False, size: int = 4 << 20) -> Self:
        """Rules for addresses that the operator wrote, each with and without `www.`, over http and https.

        A host that is itself a private address is asked at the ports written, and no other.
        """
        places = [place for url in urls if (place := split(url))]
        local = {place.host for place in places if is_local(place.host)}
        origins = {origin for place in places for origin in _origins(place, local=place.host in local)}
        return cls(origins=frozenset(origins), local=frozenset(local), private=private, size=size)

    @classmethod
    def named_by_a_site(cls, *urls: str) -> Self:
        """Rules for addresses that a site named: public ones, whatever is allowed for the site itself."""
        places = [place for url in urls if (place := split(url)) and not is_local(place.host)]
        return cls(origins=frozenset(origin for place in places for origin in _origins(place, local=False)))

    def refusal(self, place: Place, before: Place | None = None) -> str:
        """Why a place is not asked; empty when it may be.

        Args:
            place: what would be asked.
            before: the place that redirected to it.
        """
        if place.host not in {host for host, _ in self.origins}:
            return f"leads to another site, {place.host}"
        if place.origin not in self.origins:
            return f"leads to another port, {place.port}"
        if before is not None and (before.scheme, place.scheme) == ("https", "http"):
            return "leads from https to http"
        return ""

    def admits(self, host: str, address: str) -> bool:
        """Whether a connection for a host may be made to an address that its name was resolved to."""
        if host not in self.local:
            return self.private or is_public(address)
        if _literal(host) is not None:
            return _literal(address) == _literal(host)
        found = _literal(address)
        return found is not None and found.is_loopback


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, in whatever form it is wrapped."""
    found = _literal(address)
    if isinstance(found, IPv6Address) and found in _NAT64:
        found = IPv4Address(int(found) & 0xFFFF_FFFF)
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _CLOSED)
    if found is None or found.scope_id:
        return False
    return found in _OPEN_6 and not any(found in network for network in _CLOSED_6)


def is_local(host: str) -> bool:
    """Whether a host, as it was written, is a private address or localhost."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _literal(host) is not None and not is_public(host)


def _origins(place: Place, *, local: bool) -> Iterable[tuple[str, int]]:
    if local:
        return [place.origin]
    bare = place.host.removeprefix("www.")
    hosts = (place.host,) if _literal(place.host) else (place.host, bare, f"www.{bare}")
    return [(host, port) for host in hosts for port in (*_USUAL, place.port)]


def _literal(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
