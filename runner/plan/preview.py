"""The plan of one site: what each step of a playbook would change, and why or why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from runner.model import (
    Action,
    Change,
    Client,
    ItemKind,
    Playbook,
    Policy,
    Site,
    SiteFacts,
    SitePlan,
    Step,
    SystemFacts,
)
from runner.plan.autoupdates import held_items, noted
from runner.plan.findings import find, notes, problems, with_notes
from runner.plan.policy import CODE, LedgerHold, Standing, decide
from runner.plan.segments import cut
from runner.plan.sub_sites import not_looked_at
from runner.plan.told import linked
from runner.steps import StepKind, Where, registry
from runner.steps.backup import BackupOptions
from runner.steps.versions import compare

__all__ = ["needs_facts", "plan_site"]

_ITEMS = {
    "wordpress.plugins": ("plugins", ItemKind.PLUGIN),
    "wordpress.themes": ("themes", ItemKind.THEME),
    "wordpress.core": ("core", ItemKind.CORE),
    "wordpress.composer": ("composer", ItemKind.PLUGIN),
    "wordpress.database": ("database", ItemKind.DATABASE),
    "wordpress.languages": ("languages", ItemKind.LANGUAGE),
    "wordpress.maintenance": ("maintenance", ItemKind.CORE),
    "system.packages": ("packages", ItemKind.PACKAGE),
}


def needs_facts(
    playbook: Playbook,
    site: Site,
    *,
    tags: Collection[str] = (),
    kinds: Mapping[str, StepKind] | None = None,
) -> bool:
    """Whether the site must be read to plan this playbook."""
    kinds = registry() if kinds is None else kinds
    return any(kinds[step.kind].facts for step in cut(playbook, site, tags=tags, kinds=kinds).steps)


def plan_site(
    site: Site,
    client: Client,
    playbook: Playbook,
    facts: SiteFacts | None,
    *,
    now: datetime,
    problem: str = "",
    policy: Policy | None = None,
    holds: Iterable[LedgerHold] = (),
    first_seen: Mapping[tuple[str, str], datetime] | None = None,
    tags: Collection[str] = (),
    kinds: Mapping[str, StepKind] | None = None,
    system: SystemFacts | str | None = None,
    system_site: str = "",
    overruled: Iterable[tuple[str, str]] = (),
) -> SitePlan:
    """The changes in the order of the playbook; steps that are not for this site have none.

    `facts` is None where the site was not read: then `problem` says why, and every step that needs the facts
    has one change of action `unknown`, so that nothing known is never taken for nothing to do.
    `system` is what is known of the host, or why it is not; None where nobody asked. `system_site` names
    the site with which the host's own changes are told. `overruled` are the automatic updates that the site
    has switched on again, as (kind, key).
    """
    kinds = registry() if kinds is None else kinds
    standing = Standing(
        policy=policy or Policy(),
        client=client,
        site=site,
        now=now,
        today=now.astimezone(ZoneInfo(client.timezone)).date(),
        holds=tuple(holds),
        first_seen=first_seen or {},
        released=_released(facts) if facts else {},
    )
    changes: list[Change] = []
    steps = cut(playbook, site, tags=tags, kinds=kinds).steps
    for step in steps:
        kind = kinds[step.kind]
        if kind.where is Where.SYSTEM:
            changes += _of_host(step, kind, system, system_site)
        elif facts is not None:
            named = _named(step)
            proposed = kind.propose(step, facts)
            decided = [decide(change, standing, named=change.item in named) for change in proposed]
            changes += _one_core(decided)
        elif kind.facts:
            changes.append(_unread(step, problem))
    changes = _by_composer(changes)
    if facts is not None:
        changes = [*noted(changes, facts, held_items(facts, standing), overruled)]
    found = find(site, facts, policy=standing.policy)
    needed = any(kinds[step.kind].facts for step in playbook.steps)
    blocked = problems(found) if facts else (problem,) if problem and needed else ()
    changes = [*with_notes(changes, found)]
    told = notes(found, changes)
    if facts:
        told = (*told, *_of_checkout(site, facts, changes), *_of_backups(facts, steps))
    if facts and (left := not_looked_at(facts)) and any(c.action is Action.CHANGE for c in changes):
        of = f"{left} of the network's {facts.network_size} sites"
        told = (*told, f"{of} are not looked at around a change: twelve are, those first that it concerns")
    return SitePlan(site=site.name, client=client.id, problems=blocked, changes=tuple(changes), notes=told)


def _by_composer(changes: list[Change]) -> list[Change]:
    """Without what is held for Composer to do, where a step of this playbook lets Composer do it."""
    done = {(change.kind, change.item) for change in changes if change.composer}
    return [
        change
        for change in changes
        if change.composer
        or change.action is not Action.HOLD
        or not change.managed
        or (change.kind, change.item) not in done
    ]


def _of_backups(facts: SiteFacts, steps: Iterable[Step]) -> tuple[str, ...]:
    """What the backups of a playbook would lack, for it is behind links."""
    options = [step.options for step in steps if isinstance(step.options, BackupOptions)]
    followed = {name for one in options for name in one.follow}
    left = [name for name in facts.linked if name not in followed]
    return (linked(left),) if left and any("files" in one.include for one in options) else ()


def _of_checkout(site: Site, facts: SiteFacts, changes: Iterable[Change]) -> tuple[str, ...]:
    """That what is changed belongs to a checkout, where nobody has said that this is right."""
    files = (change for change in changes if change.kind in CODE and not change.composer)
    if not facts.checkout or site.managed_by or not any(one.action is Action.CHANGE for one in files):
        return ()
    said = (
        f"{facts.checkout} is a checkout: updates change its files, and the next deployment may put them back"
    )
    return (f"{said} (`managed_by: deployment` holds them, `managed_by: wordpress` says that it is right)",)


def _released(facts: SiteFacts) -> Mapping[tuple[str, str], datetime]:
    dated = (entry for entry in (*facts.plugins, *facts.themes) if entry.offered and entry.released)
    found = {}
    for entry in dated:
        with suppress(ValueError):  # what wordpress.org says need not be a date
            found[entry.slug, entry.offered or ""] = datetime.fromisoformat(entry.released).replace(
                tzinfo=UTC
            )
    return found


def _of_host(
    step: Step, kind: StepKind, system: SystemFacts | str | None, elsewhere: str
) -> Sequence[Change]:
    if isinstance(system, SystemFacts) and not elsewhere:
        return kind.propose_for_host(step, system)
    if elsewhere:
        return [replace(_unread(step, f"with {elsewhere}, on the same host"), action=Action.SKIP)]
    return [_unread(step, system)] if isinstance(system, str) else []


def _named(step: Step) -> frozenset[str]:
    update = getattr(step.options, "update", None)
    if isinstance(update, tuple):
        return frozenset(update)
    return frozenset({"core"}) if step.kind == "wordpress.core" and str(update)[:1].isdigit() else frozenset()


def _one_core(changes: list[Change]) -> list[Change]:
    """Core goes to one version: the newest that may run; what is held above it is still told."""
    runs = [c for c in changes if c.kind is ItemKind.CORE and c.action is Action.CHANGE]
    if not runs:
        return changes
    best = runs[0]
    for candidate in runs[1:]:
        best = candidate if compare(candidate.to_version, best.to_version) > 0 else best
    return [
        c
        for c in changes
        if c.kind is not ItemKind.CORE
        or c is best
        or (c.action is not Action.CHANGE and compare(c.to_version, best.to_version) > 0)
    ]


def _unread(step: Step, problem: str) -> Change:
    item, kind = _ITEMS.get(step.kind, (step.kind, ItemKind.PACKAGE))
    return Change(
        step=step.id,
        item=item,
        kind=kind,
        from_version="",
        to_version="",
        action=Action.UNKNOWN,
        why=problem or "the site was not read",
    )
