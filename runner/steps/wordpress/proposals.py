"""Changes proposed from the facts of a site, each with a reason if it cannot be made. Policy decides next."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Action, Change, Extension, Finding, ItemKind, Severity, SiteFacts, Step
from runner.steps.wordpress.findings import UNASKED, stops

__all__ = ["action_of", "change", "managed", "network_note", "unknown"]


def action_of(findings: Iterable[Finding]) -> tuple[Action, str]:
    """The action for an item with these findings, and its reason."""
    found = stops(findings)
    if found is None:
        return Action.CHANGE, ""
    return Action.UNKNOWN if found.severity is Severity.FAILS else Action.HOLD, found.what


def change(
    step: Step, entry: Extension, kind: ItemKind, action: Action, why: str = "", *, managed: str = ""
) -> Change:
    """The change of a plugin or theme to its offered version."""
    return Change(
        step=step.id,
        item=entry.slug,
        kind=kind,
        from_version=entry.version,
        to_version=entry.offered or "",
        action=action,
        why=why,
        title=entry.title,
        file=entry.file,
        package=entry.package or "",
        active=entry.active,
        managed=managed,
        note=entry.dispute,
        decided=entry.decided,
    )


def unknown(
    step: Step, item: str, kind: ItemKind, why: str = f"{UNASKED}, so newer versions are not known"
) -> Change:
    """A change with the action `unknown`, which is not the same as no change."""
    return Change(
        step=step.id, item=item, kind=kind, from_version="", to_version="", action=Action.UNKNOWN, why=why
    )


def network_note(step: Step, facts: SiteFacts, kind: ItemKind) -> tuple[Change, ...]:
    """A note that the inventory names one site of a network, or none, but the step changes all of them."""
    if not facts.sub_site:
        return ()
    count = facts.network_size
    where = f"is the sub-site {facts.sub_site} of a network of {count}"
    if facts.sub_site == "unknown":
        where = f"is not one of the {count} sites of this network"
    why = f"`url` {where}: this step changes all {count} sites"
    return (
        Change(
            step=step.id,
            item="network",
            kind=kind,
            from_version="",
            to_version="",
            action=Action.SKIP,
            why=why,
        ),
    )


def managed(facts: SiteFacts, composer: str, version: str, *, in_release: bool, checkout: str = "") -> str:
    """What else manages the files of an item, and how to update it there; empty if nothing does.

    Args:
        facts: of the site.
        composer: the Composer package that installed the item.
        version: to update to.
        in_release: whether its folder is part of a release.
        checkout: the version control system whose checkout it is.
    """
    if composer:
        lock = f"{facts.project.rstrip('/')}/composer.lock"
        return f"managed by Composer ({lock}); update it there: composer require {composer}:{version}"
    if checkout:
        return f"a {checkout} checkout, which an update would overwrite; update it there"
    if in_release:
        return f"part of the release {facts.release}: the next deployment replaces it; update it there"
    return ""
