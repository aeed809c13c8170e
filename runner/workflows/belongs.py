"""What doctor says of a site's identity: whether its folder is the one behind its address."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import Site, SiteFacts
from runner.workflows.check import Check
from runner.workflows.hosts import Hosts
from runner.workflows.stages.proof import Answered, ask_marker

__all__ = ["about_identity"]


def about_identity(hosts: Hosts, site: Site, facts: SiteFacts) -> Iterator[Check]:
    """A copy of a site calls itself as the site does: a file in its folder is asked for at the address."""
    if facts.unproven:
        return  # asked before, and told
    host = hosts.workspace.inventory.hosts[site.host]
    if ask_marker(hosts, host, site, (facts.siteurl, facts.home)) is Answered.ABSENT:
        yield Check(
            about=site.name,
            finding=f"a file put into {site.path} for a moment is not found at {site.own_address}",
            hint="is `path` a copy of the site, or do other servers answer for such files (a CDN, a proxy)?",
        )
