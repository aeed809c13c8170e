"""The packages of hosts, read for a plan or before they are changed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from runner.errors import HostError, SitecrewError
from runner.execute import Command
from runner.hosts.boundary import each
from runner.hosts.exclusive import server_of
from runner.hosts.sudo import sudo_refusal
from runner.model import Playbook, Site, Step, SystemFacts
from runner.plan import Barrier, Segment, split_playbook
from runner.steps import Where
from runner.steps.become import cannot_become
from runner.steps.packages import Sections, facts_script, parse_system

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.hosts.remote import Remote

__all__ = ["NOT_ROOT", "SystemPreview", "preview_systems", "read_system"]

_FACTS_LIMIT = 180
_HOSTS_AT_ONCE = 20
NOT_ROOT = "needs root; add `become: true` to the step and `become: sudo` to the host"


def read_system(remote: Remote, *, become: bool) -> SystemFacts:
    """Return the packages of a host after refreshing its package lists.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: the packages cannot be read.
        SecretError: the password for sudo cannot be read.
    """
    nonce = secrets.token_hex(16)
    limit = remote.limit(_FACTS_LIMIT)
    task = Command("system", facts_script(nonce), timeout=limit)
    task = remote.with_sudo(task, nonce) if become else task
    record = remote.read((task,))["system"]
    if become and (
        refusal := sudo_refusal(remote.host, record.text + record.error.decode("utf-8", "replace"), nonce)
    ):
        raise HostError(refusal.why, hint=refusal.hint)
    if record.why == "timeout":
        raise HostError(f"the packages were not read within {limit} s", hint="run apt-get update on the host")
    return parse_system(Sections.of(record.text, nonce))


@dataclass(frozen=True, slots=True)
class SystemPreview:
    """The packages of a host, for the plan of one of its sites."""

    facts: SystemFacts | str | None = None
    """The packages, or why they are unknown; None if another site's plan has them."""
    elsewhere: str = ""
    """The site whose plan has them; empty if this one has."""
    error: SitecrewError | None = None
    """Why they are unknown, unless the plan already says so elsewhere."""


def preview_systems(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], tags: tuple[str, ...]
) -> Mapping[str, SystemPreview]:
    """Return a preview for each site that has a step for its host. Each host is read once."""
    inventory = hosts.workspace.inventory.hosts
    steps: dict[str, Step] = {}
    first: dict[tuple[str, int], str] = {}
    for site in sites:
        found = [part.step for part in split_playbook(playbook, site, tags=tags).parts if _of_host(part)]
        if found:
            steps[site.name] = found[0]
            first.setdefault(server_of(inventory[site.host]), site.name)

    def read(site: Site) -> SystemPreview:
        host, step = inventory[site.host], steps[site.name]
        first_site = first[server_of(host)]
        if first_site != site.name:
            return SystemPreview(elsewhere=first_site)
        if cannot_become(step, host):
            return SystemPreview("root is not available")
        facts = read_system(hosts.remote(host), become=step.become)
        return SystemPreview(facts) if facts.root else SystemPreview(NOT_ROOT, error=HostError(NOT_ROOT))

    concerned = [site for site in sites if site.name in steps]
    limit = hosts.command_limit(hosts.reading_limit(_FACTS_LIMIT))
    previews = each(concerned, read, at_once=_HOSTS_AT_ONCE, limit=lambda _: limit)
    return {
        site.name: SystemPreview(found.with_hint, error=found) if isinstance(found, SitecrewError) else found
        for site, found in previews
    }


def _of_host(part: Segment | Barrier) -> TypeGuard[Barrier]:
    return isinstance(part, Barrier) and part.where is Where.SYSTEM
