"""Plugin files that were changed or added by hand and would be lost in an update."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Command
from runner.hosts.boundary import each, within
from runner.model import Extension, SiteFacts
from runner.plan import is_newer
from runner.steps.wordpress.differences import compare_plugins
from runner.steps.wordpress.sums import read_sums, sums_script

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.model import Site

__all__ = ["with_local_edits"]

_LIMIT = 60
_HOSTS_AT_ONCE = 20
_WOULD_BE_LOST = frozenset({"changed", "added"})
_PUBLISHED = "https://downloads.wordpress.org/"


def with_local_edits(
    hosts: Hosts, sites: Sequence[Site], found: Mapping[str, SiteFacts | SitecrewError]
) -> dict[str, SiteFacts]:
    """Return the facts with edited files of plugins for which an update is offered; reads hosts in parallel.

    Sites that could not be read have no entry.
    """
    facts = {name: one for name, one in found.items() if isinstance(one, SiteFacts)}
    by_host: dict[str, list[Site]] = {}
    for site in sites:
        if site.name in facts:
            by_host.setdefault(site.host, []).append(site)
    limit = hosts.reading_limit(_LIMIT)
    read = each(
        tuple(by_host.values()),
        lambda group: _of_host(hosts, group, facts),
        at_once=_HOSTS_AT_ONCE,
        limit=lambda group: hosts.command_limit(limit * len(group)),
    )
    return {
        name: one for _, made in read if not isinstance(made, SitecrewError) for name, one in made.items()
    }


def _of_host(hosts: Hosts, sites: Sequence[Site], found: Mapping[str, SiteFacts]) -> dict[str, SiteFacts]:
    """Read the sites of one host; empty if that fails, because this is only information."""
    folders = {site.name: _folders(found[site.name]) for site in sites if site.name in found}
    to_read = [site for site in sites if folders.get(site.name)]
    if not to_read:
        return {}
    nonce = secrets.token_hex(16)
    remote = hosts.remote_of(to_read[0])
    limit = hosts.reading_limit(_LIMIT)
    tasks = tuple(
        Command(
            f"s{number}",
            sums_script(site, remote.host, nonce, only=folders[site.name]).text,
            timeout=limit,
            policy="go",
        )
        for number, site in enumerate(to_read)
    )
    records = within(partial(remote.read, tasks))
    if isinstance(records, SitecrewError):
        return {}
    return {
        site.name: _with_edits(found[site.name], records[f"s{number}"].text, nonce, hosts)
        for number, site in enumerate(to_read)
    }


def _folders(facts: SiteFacts) -> tuple[str, ...]:
    return tuple(entry.file.partition("/")[0] for entry in facts.plugins if _is_compared(entry))


def _is_compared(entry: Extension) -> bool:
    public = (entry.package or "").startswith(_PUBLISHED)
    return is_newer(entry) and public and "/" in entry.file and not entry.link


def _with_edits(facts: SiteFacts, text: str, nonce: str, hosts: Hosts) -> SiteFacts:
    _, contents, _ = read_sums(text, nonce)
    edits = {
        subject.name: tuple(
            f"{one.file.partition('/plugins/')[2]} ({one.what})"
            for one in subject.findings
            if one.what in _WOULD_BE_LOST
        )
        for tree in contents
        for subject in compare_plugins(tree, hosts.published)
    }
    plugins = tuple(
        replace(entry, edited=edits.get(entry.file.partition("/")[0], ())) if _is_compared(entry) else entry
        for entry in facts.plugins
    )
    return replace(facts, plugins=plugins)
