"""Everything that is found about a site before it is changed, for doctor, plan and run alike. Pure.

`plan_site` takes the problems and notes of a plan from here, and steps hold items by the very same reasons
(`runner.steps.wordpress.findings`): what makes a run refuse is what `doctor` and `plan` tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from runner.errors import SitecrewError
from runner.model import (
    Change,
    Finding,
    FindingKind,
    Policy,
    Severity,
    Site,
    SiteFacts,
    Unverified,
    View,
)
from runner.plan.told import (
    about_auto_updates,
    about_deployment,
    about_disputes,
    about_item,
    about_site,
    is_newer,
)
from runner.plan.web_php import about_web_php
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
from runner.steps.wordpress.findings_offer import ACCESSIBLE

__all__ = ["NOT_WELL", "UNSEEN", "find", "notes", "of_error", "problems", "unhealthy", "with_notes"]

NOT_WELL = "not touched, for the site was not well before"
"""Begins the reason of what is not changed since the look before found something."""
UNSEEN = "nobody can check a change"
_ELSEWHERE = (
    FindingKind.AUTO_UPDATE,
    FindingKind.DISPUTE,
    FindingKind.LINKED,
    FindingKind.DEPLOYED,
    FindingKind.CHECKOUT,
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


def notes(findings: Iterable[Finding], changes: Iterable[Change] = ()) -> tuple[str, ...]:
    """What a plan tells, and is in nothing's way; what is told of a change stands with that."""
    there = {change.item for change in changes}
    return tuple(
        f"{one.item}: {one.what}" if one.item else one.what
        for one in findings
        if one.severity is Severity.TELLS and one.item not in there and one.kind not in _ELSEWHERE
    )


def with_notes(changes: Iterable[Change], findings: Sequence[Finding]) -> tuple[Change, ...]:
    """The changes with what is told of their items."""
    told: dict[str, list[str]] = {}
    for one in findings:
        if one.severity is Severity.TELLS and one.item and one.kind not in _ELSEWHERE:
            told.setdefault(one.item, []).append(one.what)
    return tuple(
        replace(change, note="; ".join(filter(None, (change.note, *told.get(change.item, ())))))
        for change in changes
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
                remedy=_ask(facts),
            )
    yield from of_folders(facts)
    yield from of_odd(facts)
    yield from about_deployment(site, facts)
    yield from about_site(facts)
    yield from about_auto_updates(facts)
    yield from about_web_php(site, facts)


def _ask(facts: SiteFacts) -> str:
    if "api.wordpress.org" in facts.blocked:
        return f"WP_HTTP_BLOCK_EXTERNAL forbids it; allow it in wp-config.php: {ACCESSIBLE}"
    return "is outgoing HTTPS to api.wordpress.org allowed on the host?"


def _of_items(facts: SiteFacts) -> Iterator[Finding]:
    """What is in the way of each newer version, and what is told of it."""
    for family, entries in (("plugins", facts.plugins), ("themes", facts.themes)):
        for entry in entries:
            if is_newer(entry):
                yield from (one for one in of_extension(facts, entry, family) if one.item)
            yield from about_item(entry)
    for offer in facts.core_offers:
        if compare(offer.version, facts.wordpress) > 0:
            yield from (one for one in of_core(facts, offer) if one.item)
    for pack in facts.translations:
        if pack.offered and pack.offered != pack.installed:
            yield from (one for one in of_pack(facts, pack) if one.item or one.family == "languages")
    yield from (one for one in of_database(facts) if one.item)
    if facts.core_checked and facts.plugins_checked and facts.themes_checked:
        yield from about_disputes(facts)


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
    if view.usual_rest:
        yield Finding(
            kind=FindingKind.USUAL,
            severity=Severity.TELLS,
            what=f"looks unhealthy and is as usual: {view.usual_rest}",
            remedy="if that is right, state it in the inventory",
            lines=("rest: closed",),
        )
    if view.usual_behind:
        yield Finding(
            kind=FindingKind.USUAL, severity=Severity.TELLS, what=f"usual for it: {view.usual_behind}"
        )
