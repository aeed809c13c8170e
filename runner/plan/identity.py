"""Whether a site's path, address and database belong together: nothing is done where they do not."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from runner.model import Addresses, Site, SiteFacts
from runner.untrusted import sentence
from runner.web import split

__all__ = ["Belongs", "addressed", "belonging", "sharing", "stranger", "stranger_database"]

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_USUAL = frozenset({80, 443})
_SHOWN = 200


class Belongs(StrEnum):
    """What addresses prove."""

    PROVEN = "proven"
    OPEN = "open"
    """Nothing: there are none, or they follow the request."""
    STRANGER = "stranger"


def belonging(found: Addresses, site: Site) -> Belongs:
    """Whether the database is the site's, by its address in it."""
    wanted = _place(site.own_address)
    if wanted is not None and wanted in map(_place, found.stored):
        return Belongs.PROVEN
    if found.constants and not found.follows:
        mine = wanted is not None and wanted in map(_place, found.constants)
        return Belongs.PROVEN if mine else Belongs.STRANGER
    return Belongs.OPEN if found.follows or not found.stored else Belongs.STRANGER


def addressed(facts: SiteFacts, site: Site) -> bool:
    """Whether the site's address is in its database, which nothing but the database can say."""
    stored = (*facts.stored, *(url for sub in facts.network for url in (sub.home, sub.url)))
    return not facts.stored or belonging(Addresses(stored=stored), site) is Belongs.PROVEN


def stranger_database(found: Addresses, site: Site, others: Iterable[Site] = ()) -> str:
    """Why a database is not the site's, for people; names the site of the inventory that it is of."""
    wanted = set(map(_place, found.stored or found.constants))
    whose = next(
        (other.name for other in others if other.name != site.name and _place(other.own_address) in wanted),
        "",
    )
    says = sentence(next(iter(found.stored or found.constants), ""), _SHOWN)
    said = f"the database of {site.path} says its address is {says}, the inventory says {site.own_address}"
    return f"{said}: it is that of {whose}" if whose else said


def stranger(facts: SiteFacts, site: Site) -> str:
    """Why the WordPress in the site's folder is not the one at its address; empty where it is.

    Its address is any that it calls its own: its front page's, its own folder's, those of its network's
    sites. Host name, port and path must be the same; `http` or `https`, and `www.`, make no difference.
    """
    known = [facts.home, facts.siteurl, *(url for sub in facts.network for url in (sub.home, sub.url))]
    wanted = _place(site.own_address)
    if wanted is not None and wanted in map(_place, known):
        return ""
    says = sentence(facts.home or facts.siteurl, _SHOWN)
    called = f"its address is {says}" if says else "it has no address"
    return (
        f"WordPress at {site.path} says {called}, the inventory says {site.own_address}: "
        "one of `path` and `url` is another site's"
    )


def sharing(found: Iterable[tuple[Site, SiteFacts]]) -> tuple[tuple[str, str, str], ...]:
    """Sites that have the same tables: name of the one, name of the other, name of the database."""
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


def _place(url: str) -> tuple[str, int, str] | None:
    """Host name without `www.`, port and path; the usual ports of both schemes are one."""
    place = split(url)
    if place is None:
        return None
    port = 0 if place.port in _USUAL else place.port
    return place.host.removeprefix("www."), port, place.path.rstrip("/")
