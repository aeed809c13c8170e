"""Findings against an offered version: its requirements and its source."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.model import CoreOffer, Extension, Finding, FindingKind, Severity, SiteFacts
from runner.steps.versions import compare
from runner.untrusted import sentence

__all__ = ["ACCESSIBLE", "of_folder_name", "of_needed_plugins", "of_offer", "of_package", "stale", "waiting"]

ACCESSIBLE = "define( 'WP_ACCESSIBLE_HOSTS', 'api.wordpress.org,downloads.wordpress.org' );"
_CLI = "the command line of its host"
_DOWNLOADS = "downloads.wordpress.org"
_PACKAGE = re.compile(
    r"https://downloads\.wordpress\.org/(?:plugin|theme)/([A-Za-z0-9_-]{1,200})\.[^/]{1,200}"
)
_REPLACES = {"redis-cache": "wp redis update-dropin"}
"""By plugin folder: its authors' command that replaces its drop-in in wp-content."""
_HACKED = "licence plugins do this, and so do hacked sites: check the site before the next run"


def _holds(kind: FindingKind, item: str, what: str, remedy: str = "") -> Finding:
    return Finding(kind=kind, severity=Severity.HOLDS, item=item, what=what, remedy=remedy)


def of_offer(facts: SiteFacts, offer: Extension | CoreOffer, item: str) -> Iterator[Finding]:
    """Findings on the source of an offer, and on PHP and the database that it requires."""
    if offer.untrusted:
        yield _holds(FindingKind.UNTRUSTED, item, offer.untrusted, _HACKED)
    needed = offer.requires_php
    for found, where in ((facts.web_php, "the site"), (facts.php, _CLI if facts.web_php else "the site")):
        if needed and found and compare(found, needed) < 0:
            yield _holds(kind=FindingKind.OLD_PHP, item=item, what=f"needs PHP {needed}; {where} has {found}")
    server = offer.requires_mysql if isinstance(offer, CoreOffer) else ""
    if server and facts.mysql and compare(facts.mysql, server) < 0:
        yield _holds(
            kind=FindingKind.OLD_DATABASE, item=item, what=f"needs MySQL {server}; the site has {facts.mysql}"
        )
    yield from _blocked(facts, offer, item)


def of_package(offer: Extension | CoreOffer, item: str) -> Iterator[Finding]:
    """The finding that there is no package to install."""
    if not offer.package:
        what = (
            "wordpress.org has no package for it"
            if offer.decided
            else "offered without a package to download: the licence is missing or has expired"
        )
        yield _holds(FindingKind.NO_PACKAGE, item, what)


def _blocked(facts: SiteFacts, offer: Extension | CoreOffer, item: str) -> Iterator[Finding]:
    """The finding that the configuration blocks the download; not if a proxy is used nevertheless."""
    asked = facts.core_checked and facts.plugins_checked and facts.themes_checked
    effective = "api.wordpress.org" not in facts.blocked or not asked
    package = offer.package or ""
    if _DOWNLOADS in facts.blocked and effective and package.startswith(f"https://{_DOWNLOADS}/"):
        yield _holds(
            kind=FindingKind.BLOCKED,
            item=item,
            what=f"WP_HTTP_BLOCK_EXTERNAL blocks {_DOWNLOADS}, which hosts its package",
            remedy=f"allow it in wp-config.php: {ACCESSIBLE}",
        )


def of_folder_name(entry: Extension, family: str) -> Iterator[Finding]:
    """The finding that the folder in the package has another name: WordPress would not replace this one."""
    found = _PACKAGE.fullmatch(entry.package or "")
    folder = entry.file.partition("/")[0]
    if found and folder and not folder.endswith(".php") and found[1] != folder:
        yield _holds(
            kind=FindingKind.OTHER_FOLDER,
            item=entry.slug,
            what=f"the package contains the folder {found[1]}, not {folder}: "
            "WordPress would install a second copy",
            remedy=f"rename the folder in wp-content/{family} and activate the item again",
        )


def of_needed_plugins(facts: SiteFacts, entry: Extension) -> Iterator[Finding]:
    """Findings on plugins that the offered version requires (`Requires Plugins`) and that are not active."""
    installed = {plugin.file.partition("/")[0]: plugin for plugin in facts.plugins}
    for name in entry.requires_plugins:
        plugin = installed.get(name)
        if plugin is not None and (plugin.active or not entry.active):
            continue
        lacks = "not active" if plugin is not None else "not installed"
        yield Finding(
            kind=FindingKind.NEEDS_PLUGIN,
            severity=Severity.HOLDS if entry.active else Severity.TELLS,
            item=entry.slug,
            what=f"needs the plugin {sentence(name)}, which is {lacks}",
            remedy=f"wp plugin {'activate' if plugin is not None else 'install'} {sentence(name)}",
        )


def stale(drop_in: str, slug: str) -> str:
    """The note that a plugin's drop-in in wp-content is of another version, and how to replace it."""
    note = f"wp-content/{drop_in} is from another version of the plugin"
    how = _REPLACES.get(slug, "replace it on the plugin's settings page")
    return f"{note}; to replace it: {how}" if slug in _REPLACES else f"{note}; {how}"


def waiting(command: str) -> str:
    """The note that a plugin's own tables need an upgrade, with the wp-cli command."""
    return f"its own tables need an upgrade: wp {command}"
