"""Everything that is found about a site before it is changed, for doctor, plan and run alike. Pure.

`plan_site` takes the problems and notes of a plan from here, and steps hold items by the very same reasons
(`runner.steps.wordpress.findings`): what makes a run refuse is what `doctor` and `plan` tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runner.errors import SitecrewError
from runner.model import (
    CoreOffer,
    Extension,
    Finding,
    FindingKind,
    ManagedBy,
    Policy,
    Severity,
    Site,
    SiteFacts,
    Unverified,
    View,
)
from runner.steps.versions import compare
from runner.steps.wordpress.findings import (
    UNASKED,
    of_core,
    of_database,
    of_extension,
    of_folders,
    of_odd,
    of_pack,
    of_site,
)

__all__ = ["NOT_WELL", "UNSEEN", "find", "notes", "of_error", "problems", "unhealthy"]

NOT_WELL = "not touched, for the site was not well before"
"""Begins the reason of what is not changed since the look before found something."""
UNSEEN = "nobody can check a change"
_LITTLE = 50 << 20
_ELSEWHERE = (
    FindingKind.AUTO_UPDATE,
    FindingKind.DISPUTE,
    FindingKind.DEPLOYED,
    FindingKind.USUAL,
    FindingKind.REFUSED,
    FindingKind.UNVERIFIED,
)
"""Kinds that a plan tells with the changes that they are about, or that only matter to the inventory."""


def find(
    site: Site,
    found: SiteFacts | SitecrewError | None,
    *,
    view: View | None = None,
    policy: Policy | None = None,
) -> tuple[Finding, ...]:
    """All findings of a site, each once, those of the whole site first.

    Args:
        site: which.
        found: what was read, with the offers as wordpress.org has them, or why it was not; None where nobody
            read the site.
        view: what was seen of its pages; None where nobody looked.
        policy: decides what becomes of changes that nobody can check.
    """
    if isinstance(found, SitecrewError):
        return (of_error(site, found), *(_of_view(view, policy or Policy()) if view else ()))
    every: list[Finding] = []
    if found is not None:
        every += (*_of_whole(site, found), *_of_items(found))
    if view is not None:
        every += _of_view(view, policy or Policy())
    return tuple(dict.fromkeys(every))


def of_error(site: Site, error: SitecrewError) -> Finding:
    """That a site could not be read, and why."""
    what = str(error).removeprefix(f"{site.name}: ")
    return Finding(kind=FindingKind.UNREAD, severity=Severity.BLOCKS, what=what, remedy=error.hint)


def problems(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Why nothing of a site is changed, as `problems` of a plan."""
    return tuple(one.what for one in findings if one.severity is Severity.BLOCKS)


def notes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """What a plan tells of the whole site, and is in nothing's way."""
    return tuple(
        one.what
        for one in findings
        if one.severity is Severity.TELLS and not one.item and one.kind not in _ELSEWHERE
    )


def unhealthy(findings: Sequence[str]) -> str:
    """Why changes are not made on a site whose look before found something."""
    return f"{NOT_WELL}: {'; '.join(findings)}"


def _of_whole(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    yield from of_site(facts)
    for family, checked in (
        ("core", facts.core_checked),
        ("plugins", facts.plugins_checked),
        ("themes", facts.themes_checked),
    ):
        if not checked and not facts.crippled:
            yield Finding(
                kind=FindingKind.UNASKED,
                severity=Severity.FAILS,
                family=family,
                what=UNASKED,
                means="newer versions are not known",
                remedy="is outgoing HTTPS to api.wordpress.org allowed on the host?",
            )
    yield from of_folders(facts)
    yield from of_odd(facts)
    yield from _deployed(site, facts)
    yield from _told(facts)
    yield from _auto_updates(facts)


def _told(facts: SiteFacts) -> Iterator[Finding]:
    def told(kind: FindingKind, what: str, remedy: str = "", lines: tuple[str, ...] = ()) -> Finding:
        return Finding(kind=kind, severity=Severity.TELLS, what=what, remedy=remedy, lines=lines)

    if facts.unconfirmed:
        what = f"what the site offers is not confirmed: {facts.unconfirmed}"
        yield told(FindingKind.UNCONFIRMED, what)
    if (
        facts.disk_free is not None
        and facts.disk_free < _LITTLE
        and not any(one.kind is FindingKind.FULL_DISK for one in of_site(facts))
    ):
        yield told(
            FindingKind.LITTLE_ROOM,
            f"only {facts.disk_free / 1e6:.0f} MB are free on its disk",
            "make room there: updates and restore points need it",
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


def _branch(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _deployed(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """Who else looks after its code, and what the inventory can say of it."""
    items = (*facts.plugins, *facts.themes)
    packages = sum(bool(item.composer) for item in items) + bool(facts.core_composer)
    if packages:
        what = f"Composer manages {packages} of its packages ({facts.project.rstrip('/')}/composer.lock)"
    elif facts.release:
        what = f"it runs from the release {facts.release}, which the next deployment replaces"
    else:
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
        remedy="update them where releases are made (`sitecrew plan` prints each command); "
        "to update them on the site all the same",
        lines=("managed_by: wordpress",),
    )


_NAMED = 6


def _auto_updates(facts: SiteFacts) -> Iterator[Finding]:
    """Where no hold can keep WordPress from updating something by itself."""
    forced: dict[str, list[str]] = {}
    for auto in facts.auto_updates:
        if auto.forced:
            name = f"its own {auto.key} versions" if auto.kind == "core" else auto.key.partition("/")[0]
            forced.setdefault(auto.forced, []).append(name)
    for why, names in forced.items():
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if names[_NAMED:] else "")
        yield Finding(
            kind=FindingKind.AUTO_UPDATE,
            severity=Severity.TELLS,
            what=f"WordPress updates {shown} by itself, and no hold can keep it from that: {why}",
            remedy="take that out of the site's configuration, or hold nothing of it",
        )


def _of_items(facts: SiteFacts) -> Iterator[Finding]:
    """What is in the way of each newer version, and what is told of it."""
    for family, entries in (("plugins", facts.plugins), ("themes", facts.themes)):
        for entry in entries:
            if _is_newer(entry):
                yield from (one for one in of_extension(facts, entry, family) if one.item)
    for offer in facts.core_offers:
        if compare(offer.version, facts.wordpress) > 0:
            yield from (one for one in of_core(facts, offer) if one.item)
    for pack in facts.translations:
        if pack.offered and pack.offered != pack.installed:
            yield from (one for one in of_pack(facts, pack) if one.item or one.family == "languages")
    yield from (one for one in of_database(facts) if one.item)
    if facts.core_checked and facts.plugins_checked and facts.themes_checked:
        yield from _disputes(facts)


def _is_newer(entry: Extension) -> bool:
    return bool(entry.offered) and compare(entry.offered or "", entry.version) > 0


def _disputes(facts: SiteFacts) -> Iterator[Finding]:
    """Where a site hides updates, or invents some. A private item is none: wordpress.org does not know it."""
    remedy = "a licence plugin may do that, and so does a hacked site: look at the site before the next run"
    every: list[tuple[str, CoreOffer | Extension]] = [("core", offer) for offer in facts.core_offers]
    every += [(entry.slug, entry) for entry in (*facts.plugins, *facts.themes)]
    for item, entry in every:
        if told := entry.untrusted or (entry.dispute if entry.decided else ""):
            yield Finding(
                kind=FindingKind.DISPUTE, severity=Severity.TELLS, item=item, what=told, remedy=remedy
            )


def _of_view(view: View, policy: Policy) -> Iterator[Finding]:
    if view.findings:
        yield Finding(
            kind=FindingKind.UNHEALTHY,
            severity=Severity.FAILS,
            what="; ".join(view.findings),
            remedy=view.refusal or view.remedy,
        )
    elif view.unverified:
        held = policy.unverified is not Unverified.KEEP
        yield Finding(
            kind=FindingKind.UNVERIFIED,
            severity=Severity.HOLDS if held else Severity.TELLS,
            what=f"{UNSEEN}: {view.unverified}",
            remedy="let our looks in, by `access` of the site; else `policy.unverified` decides what becomes "
            "of changes",
        )
    elif view.inside:
        yield Finding(
            kind=FindingKind.REFUSED,
            severity=Severity.TELLS,
            what="its pages do not let us in: changes are checked from its own host, by its first page",
            remedy=view.refusal,
        )
    elif view.refusals:
        yield Finding(
            kind=FindingKind.REFUSED,
            severity=Severity.TELLS,
            what="; ".join(view.refusals),
            remedy=view.refusal,
        )
    if view.usual:
        yield Finding(
            kind=FindingKind.USUAL,
            severity=Severity.TELLS,
            what=f"looks unhealthy and is as usual: {view.usual}",
            remedy="if that is right, state it in the inventory",
            lines=(view.pages_line,),
        )
    elif view.usual_behind:
        yield Finding(
            kind=FindingKind.USUAL, severity=Severity.TELLS, what=f"usual for it: {view.usual_behind}"
        )
