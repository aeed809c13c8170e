"""What becomes of changes by what is seen of the site: not well, or seen by nobody. Pure.

A run asks when it has looked, right before a change; `plan` looks itself, and says the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from runner.model import (
    Action,
    Change,
    ChangeOutcome,
    ItemKind,
    Level,
    Outcome,
    SitePlan,
    Unverified,
    View,
)
from runner.plan.findings import UNSEEN, unhealthy
from runner.steps.versions import core_level, level

__all__ = ["as_seen", "not_unseen", "unseen"]

_ACTIONS = {Outcome.HELD: Action.HOLD, Outcome.SKIPPED: Action.SKIP}
_SIZED = frozenset({ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME})


def not_unseen(
    changes: Iterable[Change], policy: Unverified | None, *, why: str, again: str
) -> Mapping[str, ChangeOutcome]:
    """The changes that are not made where nobody can see what they do, by their items.

    Args:
        changes: what is to be done.
        policy: `policy.unverified`; None asks for major versions and lets everything else go.
        why: nobody can see it.
        again: the command that does them all the same.
    """
    found = {}
    for change in changes:
        rule = policy or (Unverified.ASK if _is_major(change) else Unverified.KEEP)
        if settled := unseen(rule, why=why, again=again):
            found[change.item] = ChangeOutcome.of(change, *settled)
    return found


def unseen(rule: Unverified | None, *, why: str, again: str) -> tuple[Outcome, str] | None:
    """What becomes of a change that nobody can check, by the rule for it; None where it is made.

    `why` and `again` as for `not_unseen`.
    """
    if rule is Unverified.ASK:
        return Outcome.HELD, f"held, for {UNSEEN}: {why}; to do it all the same: {again}"
    if rule is Unverified.SKIP:
        return Outcome.SKIPPED, f"left out by `policy.unverified`, for {UNSEEN}: {why}"
    return None


def as_seen(
    plan: SitePlan, view: View, policy: Unverified | None, *, again: str, tried: Collection[str]
) -> SitePlan:
    """The plan with what a run would say of its changes once it has looked at the site.

    Args:
        plan: of the site.
        view: what is seen of it now.
        policy: as for `not_unseen`.
        again: as for `not_unseen`.
        tried: ids of the steps that a site must be well for.
    """
    pending = [change for change in plan.changes if change.action is Action.CHANGE]
    left = not_unseen(pending, policy, why=view.unverified, again=again) if view.unverified else {}

    def seen(change: Change) -> Change:
        if change.action is not Action.CHANGE:
            return change
        if view.findings:
            sick = change.step in tried
            return replace(change, action=Action.UNKNOWN, why=unhealthy(view.findings)) if sick else change
        if change.item in left:
            outcome = left[change.item]
            return replace(change, action=_ACTIONS[outcome.outcome], why=outcome.why)
        told = f"{UNSEEN}: {view.unverified}" if view.unverified else ""
        return replace(change, note="; ".join(filter(None, (change.note, told))))

    return replace(plan, changes=tuple(map(seen, plan.changes)))


def _is_major(change: Change) -> bool:
    if change.kind not in _SIZED or not change.from_version:
        return False
    size = core_level if change.kind is ItemKind.CORE else level
    return size(change.from_version, change.to_version) is Level.MAJOR
