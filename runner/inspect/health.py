"""Health checks of a site, from outside and from its host, as doctor, plan and run make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.inspect.host_side import with_host_check
from runner.inspect.prober import HttpProber
from runner.model import Site, SiteFacts, SiteKind
from runner.verify import Signals

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.hosts.remote import Remote
    from runner.inspect.prober import Prober

__all__ = ["check_health", "prober_of"]


def prober_of(hosts: Hosts, site: Site, limit: float | None = None) -> Prober:
    """Return the prober of a site; `limit`: seconds for one round, by default `limits.look`."""
    look = hosts.workspace.settings.limits.look.total_seconds()
    return HttpProber(
        site,
        limit=look if limit is None else limit,
        redactor=hosts.redactor,
        folder=hosts.workspace.folder,
    )


def check_health(
    prober: Prober,
    remote: Remote,
    site: Site,
    *,
    facts: SiteFacts | None,
    sub_sites: Sequence[str] = (),
) -> Signals:
    """Check a site before a change, as doctor, plan and run do; the result holds the site's baseline."""
    seen = with_host_check(remote, site, prober.observe(facts, sub_sites), facts=facts)
    boots = site.kind is SiteKind.STATIC or facts is None or not facts.crippled
    return prober.settle(seen, boots=boots)
