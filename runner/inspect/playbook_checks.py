"""What would keep the steps of a playbook from their work: asked by the code that plans them."""

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

__all__ = ["Books", "about_steps", "playbooks_of"]

Books = tuple[tuple[Playbook, frozenset[str]], ...]
"""Playbooks, each with the names of the sites that it is for."""


def playbooks_of(workspace: Workspace, sites: Sequence[Site], asked: Playbook | None = None) -> Books:
    """The playbooks of the windows with the sites of these, and the one that was asked for with all sites."""
    inventory, found = workspace.inventory, dict[str, set[str]]()
    for window in inventory.windows.values():
        found.setdefault(window.playbook, set()).update(site.name for site in select(inventory, window.sites))
    books = {name: (workspace.playbooks[name], found[name]) for name in found}
    if asked is not None:
        books[asked.name] = (asked, {site.name for site in sites})
    return tuple((book, frozenset(names)) for book, names in books.values())


def about_steps(hosts: Hosts, playbook: Playbook, sites: Sequence[Site]) -> Iterator[Check]:
    """What the steps need and is not there, on one host with these sites."""
    if not sites:
        return
    lacks = find_missing(hosts, playbook, sites)
    for name, errors in (*lacks.hosts.items(), *lacks.sites.items()):
        for error in errors:
            yield _check(playbook, name, error)
    systems = preview_systems(hosts, playbook, sites, ())
    for site in sites:
        if (trouble := systems[site.name].trouble if site.name in systems else None) is not None:
            yield _check(playbook, site.host, trouble)
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
