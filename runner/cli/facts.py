"""`facts`: what is installed on a site and its host, read now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import as_json, with_workspace
from runner.cli.output import closest_hint, emit_json, say
from runner.errors import ExitCode, UnknownNameError
from runner.model import Action
from runner.units import iso
from runner.untrusted import few

if TYPE_CHECKING:
    from runner.inspect.host_facts import HostFacts
    from runner.inspect.site_facts import CurrentFacts
    from runner.load import Workspace
    from runner.model import Host, SiteFacts

__all__ = ["facts", "facts_document"]


@click.command()
@with_workspace
@click.argument("site")
@as_json
def facts(workspace: Workspace, site: str, json_: bool) -> int:
    """Read SITE and its host now, and print what is installed there.

    Prints the system, tools and disks of the host, PHP, the versions of WordPress, plugins and themes, the
    updates for them and which of these are held, and where files, database and caches are. For packages that
    Composer manages, asks Composer for updates. Changes nothing.
    """
    from runner.cli.factsview import print_facts
    from runner.inspect.site_facts import read_site

    sites = workspace.inventory.sites
    if site not in sites:
        of_host = [one.name for one in sites.values() if one.host == site]
        hint = f"{site} is a host; name one of its sites: {few(of_host, 5)}" if of_host else ""
        raise UnknownNameError(f"there is no site {site!r}", hint=hint or closest_hint(site, sites))
    found = read_site(workspace, sites[site])
    for text in found.recognised:
        say(text)
    host = workspace.inventory.hosts[found.site.host]
    if json_:
        emit_json(facts_document(found, host))
    else:
        print_facts(found, host)
    return ExitCode.FAILED if found.problems else ExitCode.OK


def facts_document(found: CurrentFacts, host: Host) -> dict[str, Any]:
    """Return the document of --json."""
    site, facts = found.site, found.wordpress
    return {
        "site": site.name,
        "client": site.client,
        "kind": str(site.kind),
        "url": site.url,
        "path": site.path,
        "host": _host(found.host, host),
        "wordpress": _wordpress(facts) if facts else None,
        "items": _items(found),
        "holds": [
            {"item": hold.item, "version": hold.version, "why": hold.why, "since": iso(hold.since)}
            for hold in found.holds
        ],
        "problems": list(found.problems),
        "notes": list(found.notes),
    }


def _host(read: HostFacts, host: Host) -> dict[str, Any]:
    php = read.php
    return {
        "name": host.name,
        "address": host.address,
        "user": read.user,
        "system": read.system,
        "kernel": read.kernel,
        "machine": read.machine,
        "shell": read.shell,
        "sh": read.sh,
        "home": read.home,
        "processors": read.processors,
        "load": read.load,
        "memory": read.memory,
        "memory_available": read.memory_available,
        "disks": [
            {"of": disk.of, "mount": disk.mount, "size": disk.size, "free": disk.free} for disk in read.disks
        ],
        "tools": {name: path or None for name, path in read.tools.items()},
        "php": {
            "path": php.path,
            "version": php.version,
            "sapi": php.sapi,
            "memory_limit": php.memory_limit,
            "disabled": list(php.disabled),
        }
        if php
        else None,
        "wp_cli": {"path": read.wp_cli, "version": read.wp_cli_version} if read.wp_cli else None,
        "link": read.link or None,
        "releases": read.releases,
    }


def _wordpress(facts: SiteFacts) -> dict[str, Any]:
    return {
        "version": facts.wordpress,
        "php": facts.php,
        "web_php": facts.web_php,
        "home": facts.home,
        "siteurl": facts.siteurl,
        "language": facts.locale,
        "languages": sorted({one.language for one in facts.translations if one.installed}),
        "multisite": facts.multisite,
        "network": [site.url for site in facts.network],
        "maintenance": facts.maintenance,
        "database": {
            "host": facts.database_host,
            "name": facts.database_name,
            "prefix": facts.database_prefix,
            "server": facts.mysql,
            "version": facts.database_version,
            "required": facts.database_wanted,
        },
        "folders": {
            "root": facts.root_folder,
            "content": facts.content_folder,
            "plugins": facts.plugins_folder,
            "themes": facts.themes_folder,
            "languages": facts.languages_folder,
        },
        "composer": facts.project or None,
        "release": facts.release or None,
        "checkout": facts.checkout or None,
        "unwritable": list(facts.unwritable),
        "file_changes_allowed": facts.file_mods_allowed,
        "caches": list(facts.caches),
        "caches_not_emptied": list(facts.caches_apart),
        "logs": [{"path": log.path, "bytes": log.size} for log in facts.logs if log.inode],
    }


def _items(found: CurrentFacts) -> list[dict[str, Any]]:
    """Return WordPress, its plugins and its themes, each with its update."""
    facts = found.wordpress
    if facts is None:
        return []
    by_action = sorted(found.changes, key=lambda change: change.action is Action.CHANGE)
    changes = {(str(change.kind), change.item): change for change in by_action}
    items = [("core", "core", "WordPress", facts.wordpress, True)]
    for kind, extensions in (("plugin", facts.plugins), ("theme", facts.themes)):
        items += [(kind, one.slug, one.title, one.version, one.active) for one in extensions]
    return [
        {
            "kind": kind,
            "item": item,
            "title": title,
            "version": version,
            "active": active,
            "update": change.to_version if change else None,
            "action": str(change.action) if change else None,
            "why": change.why if change else "",
        }
        for kind, item, title, version, active in items
        for change in (changes.get((kind, item)),)
    ]
