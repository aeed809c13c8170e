"""The plan of one site: what each step of a playbook would change, and the reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from runner.model import (
    Action,
    Change,
    ItemKind,
    Playbook,
    Site,
    SiteFacts,
    SitePlan,
    Step,
    SystemFacts,
)
from runner.plan.autoupdates import held_items, with_auto_update_notes
from runner.plan.findings import notes, problems, site_findings, with_notes
from runner.plan.information import linked
from runner.plan.policy import CODE, PolicyInput, decide
from runner.plan.segments import split_playbook
from runner.plan.sub_sites import count_unchecked
from runner.steps import StepKind, Where, registry
from runner.steps.backup import missed_links
from runner.steps.versions import compare

__all__ = ["SystemInput", "needs_facts", "plan_site"]


def needs_facts(
    playbook: Playbook,
    site: Site,
    *,
    tags: Collection[str] = (),
    kinds: Mapping[str, StepKind] | None = None,
) -> bool:
    """Whether planning this playbook needs the facts of the site."""
    kinds = registry() if kinds is None else kinds
    return any(
        kinds[step.kind].facts for step in split_playbook(playbook, site, tags=tags, kinds=kinds).steps
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInput:
    """What is known about the packages of a site's host."""

    facts: SystemFacts | str | None = None
    """The facts, or why they are unknown; None if they were not asked for."""
    planned_with: str = ""
    """Another site on the host whose plan has the changes of the host; empty if this one has them."""


def plan_site(
    inputs: PolicyInput,
    playbook: Playbook,
    facts: SiteFacts | None,
    *,
    problem: str = "",
    tags: Collection[str] = (),
    kinds: Mapping[str, StepKind] | None = None,
    system: SystemInput | None = None,
    overruled: Iterable[tuple[str, str]] = (),
) -> SitePlan:
    """Plan the changes of a site in the order of the playbook.

    Args:
        inputs: the site, its client, the policy and the holds. `released` is taken from the facts.
        playbook: the playbook; steps that do not apply to the site have no changes.
        facts: None if the site was not read. Each step that needs facts then has one change with action
            `unknown`, so that the plan does not look as if there were nothing to do.
        problem: why the site was not read.
        tags: select the steps; empty for all.
        kinds: the registered kinds of steps unless given.
        system: what is known about the host.
        overruled: automatic updates that were switched on again at the site, as (kind, key).
    """
    kinds = registry() if kinds is None else kinds
    inputs = replace(inputs, released=_released(facts) if facts else {})
    steps = split_playbook(playbook, inputs.site, tags=tags, kinds=kinds).steps
    changes: list[Change] = []
    for step in steps:
        changes += _propose(
            step, kinds[step.kind], facts, inputs=inputs, problem=problem, system=system or SystemInput()
        )
    changes = _by_composer(changes)
    if facts is not None:
        changes = [*with_auto_update_notes(changes, facts, held_items(facts, inputs), overruled)]
    found = site_findings(inputs.site, facts, policy=inputs.policy)
    needed = any(kinds[step.kind].facts for step in playbook.steps)
    blocked = problems(found) if facts else (problem,) if problem and needed else ()
    changes = [*with_notes(changes, found)]
    more = _plan_notes(inputs.site, facts, steps, changes) if facts else ()
    return SitePlan(
        site=inputs.site.name,
        client=inputs.client.id,
        problems=blocked,
        changes=tuple(changes),
        notes=(*notes(found, changes), *more),
    )


def _propose(
    step: Step,
    kind: StepKind,
    facts: SiteFacts | None,
    *,
    inputs: PolicyInput,
    problem: str,
    system: SystemInput,
) -> Sequence[Change]:
    """The changes of one step, as decided by the policy."""
    if kind.where is Where.SYSTEM:
        return _of_host(step, kind, system)
    if facts is None:
        return [_unread(step, kind, problem)] if kind.facts else []
    named = _named(step)
    proposed = kind.propose(step, facts)
    return _one_core([decide(change, inputs, named=change.item in named) for change in proposed])


def _plan_notes(
    site: Site, facts: SiteFacts, steps: Iterable[Step], changes: Sequence[Change]
) -> tuple[str, ...]:
    """Notes that depend on the planned changes and steps."""
    result = (*_of_checkout(site, facts, changes), *_of_backups(facts, steps))
    left = count_unchecked(facts)
    if left and any(change.action is Action.CHANGE for change in changes):
        unchecked = f"{left} of the network's {facts.network_size} sites are not checked before and after"
        result = (*result, f"{unchecked}: twelve are, first those with a changed item")
    return result


def _by_composer(changes: list[Change]) -> list[Change]:
    """Drop changes held in favour of Composer if a step of this playbook applies them with Composer."""
    by_composer = {(change.kind, change.item) for change in changes if change.composer}
    return [
        change
        for change in changes
        if change.composer
        or change.action is not Action.HOLD
        or not change.managed
        or (change.kind, change.item) not in by_composer
    ]


def _of_backups(facts: SiteFacts, steps: Iterable[Step]) -> tuple[str, ...]:
    """Note which folders the backups of a playbook miss because they are links."""
    missed = missed_links(steps, facts.linked)
    return (linked(missed),) if missed else ()


def _of_checkout(site: Site, facts: SiteFacts, changes: Iterable[Change]) -> tuple[str, ...]:
    """Note that the changed files are in a checkout, unless `managed_by` is set."""
    files = (change for change in changes if change.kind in CODE and not change.composer)
    if not facts.checkout or site.managed_by or not any(one.action is Action.CHANGE for one in files):
        return ()
    note = (
        f"{facts.checkout} is a checkout: updates change its files, and the next deployment may revert them"
    )
    return (f"{note} (`managed_by: deployment` holds updates, `managed_by: wordpress` allows them)",)


def _released(facts: SiteFacts) -> Mapping[tuple[str, str], datetime]:
    dated = (entry for entry in (*facts.plugins, *facts.themes) if entry.offered and entry.released)
    released = {}
    for entry in dated:
        with suppress(ValueError):  # wordpress.org may return something else than a date
            released[entry.slug, entry.offered or ""] = datetime.fromisoformat(entry.released).replace(
                tzinfo=UTC
            )
    return released


def _of_host(step: Step, kind: StepKind, system: SystemInput) -> Sequence[Change]:
    if system.planned_with:
        why = f"planned with {system.planned_with}, on the same host"
        return [replace(_unread(step, kind, why), action=Action.SKIP)]
    if isinstance(system.facts, SystemFacts):
        return kind.propose_for_host(step, system.facts)
    return [_unread(step, kind, system.facts)] if isinstance(system.facts, str) else []


def _named(step: Step) -> frozenset[str]:
    update = getattr(step.options, "update", None)
    if isinstance(update, tuple):
        return frozenset(update)
    return frozenset({"core"}) if step.kind == "wordpress.core" and str(update)[:1].isdigit() else frozenset()


def _one_core(changes: list[Change]) -> list[Change]:
    """Keep one version of WordPress, the newest allowed, and any held versions above it."""
    allowed = [c for c in changes if c.kind is ItemKind.CORE and c.action is Action.CHANGE]
    if not allowed:
        return changes
    best = allowed[0]
    for candidate in allowed[1:]:
        best = candidate if compare(candidate.to_version, best.to_version) > 0 else best
    return [
        c
        for c in changes
        if c.kind is not ItemKind.CORE
        or c is best
        or (c.action is not Action.CHANGE and compare(c.to_version, best.to_version) > 0)
    ]


def _unread(step: Step, kind: StepKind, problem: str) -> Change:
    return Change(
        step=step.id,
        item=kind.name.rpartition(".")[2] if kind.item else kind.name,
        kind=kind.item or ItemKind.PACKAGE,
        from_version="",
        to_version="",
        action=Action.UNKNOWN,
        why=problem or "the site was not read",
    )
