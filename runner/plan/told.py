"""What is worth knowing of a site, and is in nothing's way. Pure."""

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

_LITTLE = 50 << 20
_NAMED = 6
_FILES = 5


def about_site(facts: SiteFacts) -> Iterator[Finding]:
    """What is told of the site as a whole."""

    def told(kind: FindingKind, what: str, remedy: str = "", lines: tuple[str, ...] = ()) -> Finding:
        return Finding(kind=kind, severity=Severity.TELLS, what=what, remedy=remedy, lines=lines)

    if facts.unproven:
        yield told(
            FindingKind.UNPROVEN,
            facts.unproven,
            "is `path` a copy of the site, or another one's? `access` lets looks in; other servers (a CDN, a "
            "proxy) may answer for files",
        )
    if facts.unconfirmed:
        what = f"what the site offers is not confirmed: {facts.unconfirmed}"
        yield told(FindingKind.UNCONFIRMED, what)
    if facts.disk_free is not None and NEEDED <= facts.disk_free < _LITTLE:
        yield told(
            FindingKind.LITTLE_ROOM,
            f"only {facts.disk_free / 1e6:.0f} MB are free on its disk",
            "make room there: updates and restore points need it",
        )
    if facts.linked:
        yield told(
            FindingKind.LINKED,
            linked(facts.linked),
            "for the playbook",
            (f"backup: {{follow: [{', '.join(map(_quoted, facts.linked))}]}}",),
        )
    here, there = _branch(facts.php), _branch(facts.web_php)
    if there and here != there:
        yield told(
            FindingKind.OTHER_PHP,
            f"visitors get PHP {facts.web_php}, the command line has {facts.php}: what only one of the two "
            "breaks at may be seen late",
            "give the host the PHP of its visitors",
            (f"php: /usr/bin/php{there}",),
        )


def linked(names: Sequence[str]) -> str:
    """That a backup does not hold what is behind links."""
    word = "leads" if len(names) == 1 else "lead"
    shown = few([sentence(name) for name in names], _NAMED)
    return f"{shown} {word} out of its folder: a backup holds that only where `follow` names it"


def _quoted(name: str) -> str:
    return json.dumps(sentence(name), ensure_ascii=False)


def _branch(version: str) -> str:
    return ".".join(version.split(".")[:2])


def about_deployment(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """Who else looks after its code, and what the inventory can say of it."""
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
            what=f"{what}; `managed_by: wordpress` lets updates change them all the same",
            remedy="the next deployment puts back what its lock file or repository says",
        )
        return
    yield Finding(
        kind=FindingKind.DEPLOYED,
        severity=Severity.HOLDS,
        what=f"{what}: their updates are held",
        remedy="update them where releases are made (`sitecrew plan` prints each command), or by the step "
        "`wordpress.composer`; to update them on the site all the same",
        lines=("managed_by: wordpress",),
    )


def _checked_out(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """That the whole site is a checkout, where nobody has said what that means."""
    if facts.checkout and site.managed_by is None:
        yield Finding(
            kind=FindingKind.CHECKOUT,
            severity=Severity.TELLS,
            what=f"{facts.checkout} is a checkout: updates of the site are changes of its files there",
            remedy="if a deployment puts them back: managed_by: deployment; if not: managed_by: wordpress",
        )


def about_auto_updates(facts: SiteFacts) -> Iterator[Finding]:
    """Where no hold can keep WordPress from updating something by itself."""
    forced: dict[str, list[str]] = {}
    for auto in facts.auto_updates:
        if auto.forced and auto.kind != "translation":  # so it is on every site: said where one is held
            name = f"its own {auto.key} versions" if auto.kind == "core" else auto.key.partition("/")[0]
            forced.setdefault(auto.forced, []).append(name)
    for why, names in forced.items():
        shown = few(names, _NAMED)
        yield Finding(
            kind=FindingKind.AUTO_UPDATE,
            severity=Severity.TELLS,
            what=f"WordPress updates {shown} by itself, and no hold can keep it from that: {why}",
            remedy="take that out of the site's configuration, or hold nothing of it",
        )


def about_item(entry: Extension) -> Iterator[Finding]:
    """What is worth knowing of a plugin or theme, whether or not there is a newer version."""

    def told(kind: FindingKind, what: str, remedy: str = "") -> Finding:
        return Finding(kind=kind, severity=Severity.TELLS, item=entry.slug, what=what, remedy=remedy)

    if entry.edited and is_newer(entry):
        count = len(entry.edited)
        more = f" and {count - _FILES} more" if count > _FILES else ""
        files = "1 file" if count == 1 else f"{count} files"
        yield told(
            FindingKind.EDITED,
            f"{files} changed or added by hand would be lost: {', '.join(entry.edited[:_FILES])}{more}",
            "keep what is needed elsewhere; after an update they are in its restore point",
        )
    if entry.waits:
        yield told(FindingKind.WAITS, waiting(entry.waits))
    if entry.drop_in:
        yield told(FindingKind.STALE_DROP_IN, stale(entry.drop_in, entry.slug))
    if entry.closed:
        yield told(FindingKind.CLOSED, entry.closed, "look for another plugin: it gets no more updates")
    if entry.published:
        yield told(
            FindingKind.ABOVE,
            f"{entry.version} is installed, and wordpress.org publishes {entry.published}: "
            "it gets no updates",
            "is its `Version` header changed? wp plugin install NAME --force puts back what is published",
        )


def about_disputes(facts: SiteFacts) -> Iterator[Finding]:
    """Where a site hides updates. A private item is none: wordpress.org does not know it."""
    remedy = "a licence plugin may do that, and so does a hacked site: look at the site before the next run"
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
    """Whether a version is offered that is newer than the one installed."""
    return bool(entry.offered) and compare(entry.offered or "", entry.version) > 0
