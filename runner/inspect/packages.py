"""The packages of hosts as they are, read for a plan or before they are changed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from runner.errors import HostError, SitecrewError
from runner.execute import Task as Command
from runner.hosts.boundary import each
from runner.hosts.exclusive import place_of
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
NOT_ROOT = "needs root's rights; write `become: true` beside the step, and `become: sudo` of the host"


def read_system(remote: Remote, *, become: bool) -> SystemFacts:
    """The packages of a host, its sources asked anew.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: they cannot be read; the message says why.
        SecretError: the password for sudo cannot be had.
    """
    mark = secrets.token_hex(16)
    limit = remote.limit(_FACTS_LIMIT)
    task = Command("system", facts_script(mark), timeout=limit)
    task = remote.with_sudo(task, mark) if become else task
    record = remote.read((task,))["system"]
    if become and (
        no := sudo_refusal(remote.host, record.text + record.error.decode("utf-8", "replace"), mark)
    ):
        raise HostError(no.why, hint=no.hint)
    if record.why == "timeout":
        raise HostError(f"the packages were not read within {limit} s", hint="try apt-get update there")
    return parse_system(Sections.of(record.text, mark))


@dataclass(frozen=True, slots=True)
class SystemPreview:
    """What a plan says of a host: its packages, why they are unknown, or with which site it is told.

    `trouble` is why they are unknown, where the site's plan does not say it in another place.
    """

    facts: SystemFacts | str | None = None
    elsewhere: str = ""
    trouble: SitecrewError | None = None


def preview_systems(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], tags: tuple[str, ...]
) -> Mapping[str, SystemPreview]:
    """By site, for those that have a step which works on the host; each host is read once."""
    inventory = hosts.workspace.inventory.hosts
    steps: dict[str, Step] = {}
    first: dict[tuple[str, int], str] = {}
    for site in sites:
        found = [part.step for part in split_playbook(playbook, site, tags=tags).parts if _of_host(part)]
        if found:
            steps[site.name] = found[0]
            first.setdefault(place_of(inventory[site.host]), site.name)

    def look(site: Site) -> SystemPreview:
        host, step = inventory[site.host], steps[site.name]
        teller = first[place_of(host)]
        if teller != site.name:
            return SystemPreview(elsewhere=teller)
        if cannot_become(step, host):
            return SystemPreview("root's rights cannot be had")
        facts = read_system(hosts.remote(host), become=step.become)
        return SystemPreview(facts) if facts.root else SystemPreview(NOT_ROOT, trouble=HostError(NOT_ROOT))

    concerned = [site for site in sites if site.name in steps]
    limit = hosts.command_limit(hosts.reading_limit(_FACTS_LIMIT))
    looks = each(concerned, look, at_once=_HOSTS_AT_ONCE, limit=lambda _: limit)
    return {
        site.name: SystemPreview(found.with_hint, trouble=found)
        if isinstance(found, SitecrewError)
        else found
        for site, found in looks
    }


def _of_host(part: Segment | Barrier) -> TypeGuard[Barrier]:
    return isinstance(part, Barrier) and part.where is Where.SYSTEM
