"""Whether a site's path, address and database belong together. If not, nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from runner.model import Addresses, Site, SiteFacts
from runner.untrusted import sentence
from runner.web import parse_url

__all__ = [
    "DatabaseMatch",
    "address_mismatch",
    "database_mismatch",
    "match_database",
    "shared_tables",
    "stores_address",
]

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = frozenset({80, 443})
_MAX_SHOWN = 200


class DatabaseMatch(StrEnum):
    """What the addresses in a database prove about whose it is."""

    PROVEN = "proven"
    UNKNOWN = "unknown"
    """There are no addresses, or they depend on the request."""
    OTHER_SITE = "other site"


def match_database(found: Addresses, site: Site) -> DatabaseMatch:
    """Whether the database is that of the site, judged by the addresses in it."""
    expected = _normalised(site.own_address)
    if expected is not None and expected in map(_normalised, found.stored):
        return DatabaseMatch.PROVEN
    if found.constants and not found.follows:
        matches = expected is not None and expected in map(_normalised, found.constants)
        return DatabaseMatch.PROVEN if matches else DatabaseMatch.OTHER_SITE
    return DatabaseMatch.UNKNOWN if found.follows or not found.stored else DatabaseMatch.OTHER_SITE


def stores_address(facts: SiteFacts, site: Site) -> bool:
    """Whether the site's address is stored in its database, or none is stored."""
    stored = (*facts.stored, *(url for sub in facts.network for url in (sub.home, sub.url)))
    return not facts.stored or match_database(Addresses(stored=stored), site) is DatabaseMatch.PROVEN


def database_mismatch(found: Addresses, site: Site, others: Iterable[Site] = ()) -> str:
    """Explain that a database is not that of the site, and name the site it belongs to, if known."""
    stored = set(map(_normalised, found.stored or found.constants))
    owner = next(
        (
            other.name
            for other in others
            if other.name != site.name and _normalised(other.own_address) in stored
        ),
        "",
    )
    address = sentence(next(iter(found.stored or found.constants), ""), _MAX_SHOWN)
    why = f"the address in the database of {site.path} is {address}, in the inventory {site.own_address}"
    return f"{why}: it is the database of {owner}" if owner else why


def address_mismatch(facts: SiteFacts, site: Site) -> str:
    """Explain why the WordPress in the site's folder is not the one at its address; empty if it is.

    Its addresses are those of its front page, of its own folder and of the sites of its network. Host name,
    port and path must match; the scheme and `www.` are ignored.
    """
    known = [facts.home, facts.siteurl, *(url for sub in facts.network for url in (sub.home, sub.url))]
    expected = _normalised(site.own_address)
    if expected is not None and expected in map(_normalised, known):
        return ""
    address = sentence(facts.home or facts.siteurl, _MAX_SHOWN)
    shown = f"has the address {address}" if address else "has no address"
    return (
        f"WordPress at {site.path} {shown}, in the inventory it is {site.own_address}: "
        "`path` or `url` is wrong"
    )


def shared_tables(found: Iterable[tuple[Site, SiteFacts]]) -> tuple[tuple[str, str, str], ...]:
    """Return pairs of sites that share their tables: name, other name, database."""
    first: dict[tuple[str, ...], str] = {}
    shared = []
    for site, facts in found:
        if not facts.database_name:
            continue
        server = facts.database_host.lower()
        local = server.partition(":")[0] in _LOCAL or server.startswith("[::1]")
        tables = (site.host if local else "", server, facts.database_name, facts.database_prefix)
        other = first.setdefault(tables, site.name)
        if other != site.name:
            shared.append((other, site.name, facts.database_name))
    return tuple(shared)


def _normalised(url: str) -> tuple[str, int, str] | None:
    """Host name without `www.`, port and path; the default ports of both schemes are equal."""
    place = parse_url(url)
    if place is None:
        return None
    port = 0 if place.port in _DEFAULT_PORTS else place.port
    return place.host.removeprefix("www."), port, place.path.rstrip("/")
