"""What is in the way of an offered version by what it needs and where it comes from."""

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
"""By the plugin's folder: the command by which its authors replace the file that it keeps in wp-content."""
_HACKED = "a licence plugin may do that, and so does a hacked site: look at the site before the next run"


def _holds(kind: FindingKind, item: str, what: str, remedy: str = "") -> Finding:
    return Finding(kind=kind, severity=Severity.HOLDS, item=item, what=what, remedy=remedy)


def of_offer(facts: SiteFacts, offer: Extension | CoreOffer, item: str) -> Iterator[Finding]:
    """What it needs, and who offers it."""
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
    """That there is nothing to install."""
    if not offer.package:
        what = (
            "wordpress.org gives no package for it"
            if offer.decided
            else "announced without a package to download: the licence is missing or has run out"
        )
        yield _holds(FindingKind.NO_PACKAGE, item, what)


def _blocked(facts: SiteFacts, offer: Extension | CoreOffer, item: str) -> Iterator[Finding]:
    """What was reached although the configuration forbids it goes another way, like a proxy's."""
    asked = facts.core_checked and facts.plugins_checked and facts.themes_checked
    effective = "api.wordpress.org" not in facts.blocked or not asked
    package = offer.package or ""
    if _DOWNLOADS in facts.blocked and effective and package.startswith(f"https://{_DOWNLOADS}/"):
        yield _holds(
            kind=FindingKind.BLOCKED,
            item=item,
            what=f"WP_HTTP_BLOCK_EXTERNAL keeps WordPress from {_DOWNLOADS}, where its package is",
            remedy=f"allow it in wp-config.php: {ACCESSIBLE}",
        )


def of_folder_name(entry: Extension, family: str) -> Iterator[Finding]:
    """A package of wordpress.org holds a folder of its own name; WordPress updates no other."""
    found = _PACKAGE.fullmatch(entry.package or "")
    mine = entry.file.partition("/")[0]
    if found and mine and not mine.endswith(".php") and found[1] != mine:
        yield _holds(
            kind=FindingKind.OTHER_FOLDER,
            item=entry.slug,
            what=f"the package holds the folder {found[1]}, not {mine}: "
            "WordPress would install a second copy",
            remedy=f"rename the folder in wp-content/{family}, and activate it again",
        )


def of_needed_plugins(facts: SiteFacts, entry: Extension) -> Iterator[Finding]:
    """Plugins that the offered version needs (`Requires Plugins`), and that are not there or not active."""
    there = {plugin.file.partition("/")[0]: plugin for plugin in facts.plugins}
    for name in entry.requires_plugins:
        plugin = there.get(name)
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
    """That a plugin's file in wp-content is not the one that it brings, with the command that replaces it."""
    told = f"wp-content/{drop_in} is of another version than the one that it brings"
    return f"{told}: {_REPLACES[slug]}" if slug in _REPLACES else f"{told}: its settings page can replace it"


def waiting(command: str) -> str:
    """That a plugin's own tables wait for an upgrade, with the command of wp-cli that does it."""
    return f"the upgrade of its own tables waits: wp {command}"
