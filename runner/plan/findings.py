"""All findings about a site before it is changed, shared by doctor, plan and run. Pure.

`plan_site` takes its problems and notes from here, and steps hold items for the same reasons
(`runner.steps.wordpress.findings`), so `doctor` and `plan` report what would stop a run.
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
from runner.plan.information import (
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

__all__ = [
    "CANNOT_VERIFY",
    "UNHEALTHY",
    "error_finding",
    "notes",
    "problems",
    "site_findings",
    "unhealthy",
    "with_notes",
]

UNHEALTHY = "not started: the site was unhealthy before the update"
"""Start of the reason of changes that were not applied because the health check before them failed."""
CANNOT_VERIFY = "changes cannot be verified"
_NOT_IN_NOTES = (
    FindingKind.AUTO_UPDATE,
    FindingKind.DISPUTE,
    FindingKind.LINKED,
    FindingKind.DEPLOYED,
    FindingKind.CHECKOUT,
    FindingKind.USUAL,
    FindingKind.REFUSED,
    FindingKind.UNVERIFIED,
)
"""Kinds that a plan shows with their changes, or that only matter to the inventory."""


def site_findings(
    site: Site,
    found: SiteFacts | SitecrewError | None,
    *,
    view: View | None = None,
    policy: Policy | None = None,
) -> tuple[Finding, ...]:
    """Return all findings of a site without duplicates, those about the whole site first.

    Args:
        site: the site.
        found: its facts, with offers as confirmed by wordpress.org, or why they could not be read; None if
            the site was not read.
        view: the result of its health check; None if there was none.
        policy: decides what happens to changes that cannot be verified.
    """
    if isinstance(found, SitecrewError):
        return (error_finding(site, found), *(_of_view(view, policy or Policy()) if view else ()))
    every: list[Finding] = []
    if found is not None:
        every += (*_of_whole(site, found), *_of_items(found))
    if view is not None:
        every += _of_view(view, policy or Policy())
    return tuple(dict.fromkeys(every))


def error_finding(site: Site, error: SitecrewError) -> Finding:
    """Return the finding that a site could not be read."""
    what = str(error).removeprefix(f"{site.name}: ")
    return Finding(kind=FindingKind.UNREAD, severity=Severity.BLOCKS, what=what, remedy=error.hint)


def problems(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the `problems` of a plan: why nothing on the site is changed."""
    return tuple(one.what for one in findings if one.severity is Severity.BLOCKS)


def notes(findings: Iterable[Finding], changes: Iterable[Change] = ()) -> tuple[str, ...]:
    """Return the notes of a plan. Notes about a planned change are added to the change instead."""
    planned = {change.item for change in changes}
    return tuple(
        f"{one.item}: {one.what}" if one.item else one.what
        for one in findings
        if one.severity is Severity.TELLS and one.item not in planned and one.kind not in _NOT_IN_NOTES
    )


def with_notes(changes: Iterable[Change], findings: Sequence[Finding]) -> tuple[Change, ...]:
    """Add to each change the notes about its item."""
    by_item: dict[str, list[str]] = {}
    for one in findings:
        if one.severity is Severity.TELLS and one.item and one.kind not in _NOT_IN_NOTES:
            by_item.setdefault(one.item, []).append(one.what)
    return tuple(
        replace(change, note="; ".join(filter(None, (change.note, *by_item.get(change.item, ())))))
        for change in changes
    )


def unhealthy(findings: Sequence[str]) -> str:
    """Return the reason for changes that are not applied because the health check before them failed."""
    return f"{UNHEALTHY}: {'; '.join(findings)}"


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
                means="available updates are unknown",
                remedy=_update_check_remedy(facts),
            )
    yield from of_folders(facts)
    yield from of_odd(facts)
    yield from about_deployment(site, facts)
    yield from about_site(facts)
    yield from about_auto_updates(facts)
    yield from about_web_php(site, facts)


def _update_check_remedy(facts: SiteFacts) -> str:
    if "api.wordpress.org" in facts.blocked:
        return f"WP_HTTP_BLOCK_EXTERNAL blocks it; allow it in wp-config.php: {ACCESSIBLE}"
    return "allow outgoing HTTPS connections to api.wordpress.org on the host"


def _of_items(facts: SiteFacts) -> Iterator[Finding]:
    """Yield findings about each newer version and each item."""
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
            what=f"{CANNOT_VERIFY}: {view.unverified}",
            remedy="set `access` of the site so that health checks can reach it; otherwise "
            "`policy.unverified` applies",
        )
    elif view.inside:
        yield Finding(
            kind=FindingKind.REFUSED,
            severity=Severity.TELLS,
            what="health checks are refused: changes are checked on its own host, first page only",
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
            what=f"looks unhealthy, but is usual for this site: {view.usual}",
            remedy="if this is intended, declare it in the inventory",
            lines=(view.pages_line,),
        )
    if view.usual_rest:
        yield Finding(
            kind=FindingKind.USUAL,
            severity=Severity.TELLS,
            what=f"looks unhealthy, but is usual for this site: {view.usual_rest}",
            remedy="if this is intended, declare it in the inventory",
            lines=("rest: closed",),
        )
    if view.usual_behind:
        yield Finding(
            kind=FindingKind.USUAL, severity=Severity.TELLS, what=f"usual for this site: {view.usual_behind}"
        )
