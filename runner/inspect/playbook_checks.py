"""Checks of a playbook by `doctor`: what would make its steps fail on these sites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runner.errors import ExitCode, SitecrewError
from runner.hosts.sudo import sudo_problems
from runner.inspect.check import Check
from runner.inspect.files import preview_files
from runner.inspect.packages import preview_systems
from runner.inspect.prerequisites import find_missing
from runner.model import Playbook, Site, SitePlan
from runner.plan import select, split_playbook

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.load import Workspace

__all__ = ["PlaybookSites", "about_steps", "playbooks_of"]

PlaybookSites = tuple[tuple[Playbook, frozenset[str]], ...]
"""Playbooks, each with the names of its sites."""


def playbooks_of(workspace: Workspace, sites: Sequence[Site], named: Playbook | None = None) -> PlaybookSites:
    """Return the playbooks of the windows with their sites, and `named` with all sites."""
    inventory, found = workspace.inventory, dict[str, set[str]]()
    for window in inventory.windows.values():
        found.setdefault(window.playbook, set()).update(site.name for site in select(inventory, window.sites))
    books = {name: (workspace.playbooks[name], found[name]) for name in found}
    if named is not None:
        books[named.name] = (named, {site.name for site in sites})
    return tuple((book, frozenset(names)) for book, names in books.values())


def about_steps(hosts: Hosts, playbook: Playbook, sites: Sequence[Site]) -> Iterator[Check]:
    """Yield what the steps need and is missing on one host with these sites."""
    if not sites:
        return
    missing = find_missing(hosts, playbook, sites)
    for name, errors in (*missing.hosts.items(), *missing.sites.items()):
        for error in errors:
            yield _check(playbook, name, error)
    systems = preview_systems(hosts, playbook, sites, ())
    for site in sites:
        system = systems.get(site.name)
        if system is not None and system.error is not None:
            yield _check(playbook, site.host, system.error)
    host = hosts.workspace.inventory.hosts[sites[0].host]
    plans = [SitePlan(site=site.name, client=site.client) for site in sites]
    for site, plan in zip(sites, preview_files(hosts, playbook, sites, (), plans), strict=True):
        refused = sudo_problems(split_playbook(playbook, site).steps, site, host)
        for problem in (*refused, *plan.problems):
            yield _failed(playbook, site.name, problem)


def _check(playbook: Playbook, about: str, error: SitecrewError) -> Check:
    code = error.exit_code if error.exit_code is ExitCode.UNREACHABLE else ExitCode.FAILED
    return Check(about=about, finding=f"{playbook.name}: {error}", code=code, hint=error.hint)


def _failed(playbook: Playbook, about: str, why: str) -> Check:
    return Check(about=about, finding=f"{playbook.name}: {why}", code=ExitCode.FAILED)
