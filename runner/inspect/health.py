"""Health checks of a site from outside, as doctor, plan and run make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.hosts.boundary import within
from runner.inspect.host_side import with_inside
from runner.model import Look, PageLook, Seen, Site, SiteFacts, SiteKind
from runner.verify import (
    Expectation,
    Sight,
    Signals,
    examine,
    keys,
    look,
    observe,
    settle,
)
from runner.verify.http import DOOR

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["examined", "let_in", "look_at", "measured", "observed", "settled", "unreadable"]

_OPEN = 3.0
"""Seconds for which a closed door is waited for where the host says that no update closed it."""


def observed(
    hosts: Hosts,
    site: Site,
    *,
    facts: SiteFacts | None = None,
    limit: float,
    sub_sites: Sequence[str] = (),
) -> Signals:
    """All signals of a site from outside. What keeps them from being read is a finding about the site."""
    folder = facts.folder if facts else ""
    door = DOOR if facts is None or facts.maintenance else _OPEN
    known = let_in(hosts, site)
    found = within(
        lambda: observe(site, folder=folder, limit=limit, door=door, keys=known, sub_sites=sub_sites)
    )
    return unreadable(site, found) if isinstance(found, SitecrewError) else found


def settled(hosts: Hosts, site: Site, first: Signals, *, boots: bool = True, limit: float) -> Signals:
    """`runner.verify.settle`; the first look where the site could not be looked at again."""
    found = within(lambda: settle(site, first, boots=boots, limit=limit, keys=let_in(hosts, site)))
    return first if isinstance(found, SitecrewError) else found


def measured(
    hosts: Hosts, site: Site, *, facts: SiteFacts | None, limit: float, sub_sites: Sequence[str] = ()
) -> Signals:
    """The measure of a change, as doctor, plan and run take it: how the site is, and what is usual for it."""
    seen = observed(hosts, site, facts=facts, limit=limit, sub_sites=sub_sites)
    host = hosts.workspace.inventory.hosts[site.host]
    seen = with_inside(hosts, host, site, seen, facts=facts)
    boots = site.kind is SiteKind.STATIC or facts is None or not facts.crippled
    return settled(hosts, site, seen, boots=boots, limit=limit)


def examined(
    hosts: Hosts, site: Site, before: Signals, *, limit: float, patience: float
) -> tuple[Signals, tuple[str, ...]]:
    """`runner.verify.examine`; what keeps the site from being looked at is worse than before."""
    found = within(lambda: examine(site, before, limit=limit, patience=patience, keys=let_in(hosts, site)))
    if isinstance(found, SitecrewError):
        seen = unreadable(site, found)
        return seen, seen.findings
    return found


def look_at(
    hosts: Hosts, site: Site, expected: Expectation, *, pages: Sequence[str] | None = None, limit: float
) -> Look:
    """`runner.verify.look`; what keeps the site from being looked at is a finding about it."""
    found = within(lambda: look(site, expected, pages=pages, limit=limit, keys=let_in(hosts, site)))
    if isinstance(found, SitecrewError):
        page = unreadable(site, found).visitors[0].page
        return Look(site=site.name, at=datetime.now(UTC), pages=(page,))
    return found


def let_in(hosts: Hosts, site: Site) -> dict[str, str]:
    """What lets us in, known to the redactor in every form in which it is sent."""
    found = keys(site.access, lambda ref: hosts.redactor.resolve(ref, base=hosts.workspace.folder))
    for value in found.values():
        hosts.redactor.add(value.rpartition(" ")[2])
    return found


def unreadable(site: Site, error: SitecrewError) -> Signals:
    """A look that gave nothing but the reason why."""
    page = PageLook(
        page="/",
        url=site.url,
        status=None,
        seconds=0.0,
        findings=(f"could not be looked at: {error}",),
        seen=Seen.ABSENT,
    )
    return Signals(at=datetime.now(UTC), visitors=(Sight(page),))
