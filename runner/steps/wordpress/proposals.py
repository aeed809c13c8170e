"""What the facts say about an item: it can be changed, or a sentence why not. Policy decides after this."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Action, Change, Extension, Finding, ItemKind, Severity, SiteFacts, Step
from runner.steps.wordpress.findings import UNASKED, stops

__all__ = ["action_of", "change", "managed", "network_note", "unknown"]


def action_of(findings: Iterable[Finding]) -> tuple[Action, str]:
    """What becomes of an item as things are, and why."""
    found = stops(findings)
    if found is None:
        return Action.CHANGE, ""
    return Action.UNKNOWN if found.severity is Severity.FAILS else Action.HOLD, found.what


def change(
    step: Step, entry: Extension, kind: ItemKind, action: Action, why: str = "", *, managed: str = ""
) -> Change:
    """The change of a plugin or a theme to the version that is offered."""
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
    """It is not known what is to be done: never the same as nothing."""
    return Change(
        step=step.id, item=item, kind=kind, from_version="", to_version="", action=Action.UNKNOWN, why=why
    )


def network_note(step: Step, facts: SiteFacts, kind: ItemKind) -> tuple[Change, ...]:
    """That the inventory's address is one of a network's sites, or none, where a step is for all of them."""
    if not facts.sub_site:
        return ()
    many = facts.network_size
    where = f"is the sub-site {facts.sub_site} of a network of {many}"
    if facts.sub_site == "unknown":
        where = f"is none of the {many} sites of the network here"
    why = f"`url` {where}: what this step changes, it changes for all {many} sites"
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
    """Who else looks after the files of an item, and how it gets the version there; empty where nobody does.

    `composer` is the package that brought it, `in_release` says that its folder is part of a release, and
    `checkout` names the system of version control whose checkout it is.
    """
    if composer:
        lock = f"{facts.project.rstrip('/')}/composer.lock"
        return f"managed by Composer ({lock}); there: composer require {composer}:{version}"
    if checkout:
        return f"a checkout of {checkout}, which an update would replace; update it there"
    if in_release:
        return f"part of the release {facts.release}: the next deployment replaces it; update it there"
    return ""
