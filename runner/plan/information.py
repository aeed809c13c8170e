"""Findings for information: they prevent nothing. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from runner.model import CoreOffer, Extension, Finding, FindingKind, ManagedBy, Severity, Site, SiteFacts
from runner.steps.versions import compare
from runner.steps.wordpress.findings import NEEDED
from runner.steps.wordpress.findings_offer import stale, waiting
from runner.untrusted import few, sentence

__all__ = [
    "about_auto_updates",
    "about_deployment",
    "about_disputes",
    "about_item",
    "about_site",
    "is_newer",
    "linked",
]

_LITTLE_SPACE = 50 << 20
_MAX_NAMES = 6
_MAX_FILES = 5


def about_site(facts: SiteFacts) -> Iterator[Finding]:
    """Yield information about the site as a whole."""

    def info(kind: FindingKind, what: str, remedy: str = "", lines: tuple[str, ...] = ()) -> Finding:
        return Finding(kind=kind, severity=Severity.TELLS, what=what, remedy=remedy, lines=lines)

    if facts.unproven:
        yield info(
            FindingKind.UNPROVEN,
            facts.unproven,
            "check that `path` is this site and not a copy; set `access` if the site is not public; a CDN or "
            "proxy may serve its files",
        )
    if facts.unconfirmed:
        what = f"the updates offered by the site are not confirmed: {facts.unconfirmed}"
        yield info(FindingKind.UNCONFIRMED, what)
    if facts.disk_free is not None and NEEDED <= facts.disk_free < _LITTLE_SPACE:
        yield info(
            FindingKind.LITTLE_ROOM,
            f"only {facts.disk_free / 1e6:.0f} MB are free on its disk",
            "free some space: updates and restore points need it",
        )
    if facts.linked:
        yield info(
            FindingKind.LINKED,
            linked(facts.linked),
            "add to the playbook",
            (f"backup: {{follow: [{', '.join(map(_quoted, facts.linked))}]}}",),
        )
    here, there = _branch(facts.php), _branch(facts.web_php)
    if there and here != there:
        yield info(
            FindingKind.OTHER_PHP,
            f"the web server runs PHP {facts.web_php}, the command line PHP {facts.php}: "
            "errors in only one of them may be noticed late",
            "set `php` of the host to the version of the web server",
            (f"php: /usr/bin/php{there}",),
        )


def linked(names: Sequence[str]) -> str:
    """Say that backups do not include the targets of links."""
    verb = "points" if len(names) == 1 else "point"
    shown = few([sentence(name) for name in names], _MAX_NAMES)
    return f"{shown} {verb} outside of its folder: backups include that only if `follow` lists it"


def _quoted(name: str) -> str:
    return json.dumps(sentence(name), ensure_ascii=False)


def _branch(version: str) -> str:
    return ".".join(version.split(".")[:2])


def about_deployment(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """Yield whether Composer or a deployment manages its code, and what to set in the inventory."""
    items = (*facts.plugins, *facts.themes)
    packages = sum(bool(item.composer) for item in items) + bool(facts.core_composer)
    if packages:
        what = f"Composer manages {packages} of its packages ({facts.project.rstrip('/')}/composer.lock)"
    elif facts.release:
        what = f"it runs from the release {facts.release}, which the next deployment replaces"
    else:
        yield from _checked_out(site, facts)
        return
    if site.managed_by is ManagedBy.WORDPRESS:
        yield Finding(
            kind=FindingKind.DEPLOYED,
            severity=Severity.TELLS,
            what=f"{what}; `managed_by: wordpress` allows updates anyway",
            remedy="the next deployment reverts updates that its lock file or repository does not have",
        )
        return
    yield Finding(
        kind=FindingKind.DEPLOYED,
        severity=Severity.HOLDS,
        what=f"{what}: updates are held",
        remedy="update the deployed project (`sitecrew plan` prints each command), or use the step "
        "`wordpress.composer`; to update on the site anyway",
        lines=("managed_by: wordpress",),
    )


def _checked_out(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """Yield that the whole site is a checkout, unless `managed_by` is set."""
    if facts.checkout and site.managed_by is None:
        yield Finding(
            kind=FindingKind.CHECKOUT,
            severity=Severity.TELLS,
            what=f"{facts.checkout} is a checkout: updates of the site change its files",
            remedy="set managed_by: deployment if a deployment reverts them, else managed_by: wordpress",
        )


def about_auto_updates(facts: SiteFacts) -> Iterator[Finding]:
    """Yield automatic updates of WordPress that holds cannot prevent."""
    forced: dict[str, list[str]] = {}
    for auto in facts.auto_updates:
        if auto.forced and auto.kind != "translation":  # true on every site; noted where one is held
            name = f"its own {auto.key} versions" if auto.kind == "core" else auto.key.partition("/")[0]
            forced.setdefault(auto.forced, []).append(name)
    for why, names in forced.items():
        shown = few(names, _MAX_NAMES)
        yield Finding(
            kind=FindingKind.AUTO_UPDATE,
            severity=Severity.TELLS,
            what=f"WordPress updates {shown} automatically, and holds cannot prevent it: {why}",
            remedy="remove that from the site's configuration, or do not hold these items",
        )


def about_item(entry: Extension) -> Iterator[Finding]:
    """Yield information about a plugin or theme, with or without an update."""

    def info(kind: FindingKind, what: str, remedy: str = "") -> Finding:
        return Finding(kind=kind, severity=Severity.TELLS, item=entry.slug, what=what, remedy=remedy)

    if entry.edited and is_newer(entry):
        count = len(entry.edited)
        more = f" and {count - _MAX_FILES} more" if count > _MAX_FILES else ""
        files = "1 file" if count == 1 else f"{count} files"
        yield info(
            FindingKind.EDITED,
            f"{files} changed or added by hand would be lost: {', '.join(entry.edited[:_MAX_FILES])}{more}",
            "save what is needed elsewhere; after an update they are in its restore point",
        )
    if entry.waits:
        yield info(FindingKind.WAITS, waiting(entry.waits))
    if entry.drop_in:
        yield info(FindingKind.STALE_DROP_IN, stale(entry.drop_in, entry.slug))
    if entry.closed:
        yield info(FindingKind.CLOSED, entry.closed, "replace the plugin: it gets no more updates")
    if entry.published:
        yield info(
            FindingKind.ABOVE,
            f"{entry.version} is installed, but wordpress.org publishes {entry.published}: "
            "it gets no updates",
            "its `Version` header may have been edited; to install the published version: "
            "wp plugin install NAME --force",
        )


def about_disputes(facts: SiteFacts) -> Iterator[Finding]:
    """Yield where a site hides updates. Private items are not meant: wordpress.org does not know them."""
    remedy = "a licence plugin may cause this, but so does a hacked site: check the site before the next run"
    every: list[tuple[str, CoreOffer | Extension]] = [("core", offer) for offer in facts.core_offers]
    every += [(entry.slug, entry) for entry in (*facts.plugins, *facts.themes)]
    for item, entry in every:
        if entry.dispute and entry.decided and not entry.untrusted:
            yield Finding(
                kind=FindingKind.DISPUTE,
                severity=Severity.TELLS,
                item=item,
                what=entry.dispute,
                remedy=remedy,
            )


def is_newer(entry: Extension) -> bool:
    """Whether a newer version than the installed one is offered."""
    return bool(entry.offered) and compare(entry.offered or "", entry.version) > 0
