"""What happens to changes if the site is unhealthy or cannot be checked. Pure.

A run decides after the health check right before a change; `plan` makes its own check and reports the same.
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
from runner.plan.findings import CANNOT_VERIFY, unhealthy
from runner.steps.versions import core_level, level

__all__ = ["after_health_check", "unverified_outcome", "unverified_outcomes"]

_ACTIONS = {Outcome.HELD: Action.HOLD, Outcome.SKIPPED: Action.SKIP}
_SIZED = frozenset({ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME})


def unverified_outcomes(
    changes: Iterable[Change], policy: Unverified | None, *, why: str, again: str
) -> Mapping[str, ChangeOutcome]:
    """Return by item the changes that are not applied because they cannot be verified.

    Args:
        changes: the planned changes.
        policy: `policy.unverified`; None is `ask` for major versions and `keep` for all others.
        why: the reason why the site cannot be checked.
        again: the command that applies them anyway.
    """
    outcomes = {}
    for change in changes:
        rule = policy or (Unverified.ASK if _is_major(change) else Unverified.KEEP)
        if outcome := unverified_outcome(rule, why=why, again=again):
            outcomes[change.item] = ChangeOutcome.of(change, *outcome)
    return outcomes


def unverified_outcome(rule: Unverified | None, *, why: str, again: str) -> tuple[Outcome, str] | None:
    """Return outcome and reason for a change that cannot be verified; None if it is applied anyway.

    `why` and `again` are as for `unverified_outcomes`.
    """
    if rule is Unverified.ASK:
        return Outcome.HELD, f"held because {CANNOT_VERIFY}: {why}; to apply them anyway: {again}"
    if rule is Unverified.SKIP:
        return Outcome.SKIPPED, f"skipped by `policy.unverified` because {CANNOT_VERIFY}: {why}"
    return None


def after_health_check(
    plan: SitePlan, view: View, policy: Unverified | None, *, again: str, tried: Collection[str]
) -> SitePlan:
    """Return the plan as a run would change it after the health check of the site.

    Args:
        plan: the plan of the site.
        view: the result of its health check.
        policy: as for `unverified_outcomes`.
        again: as for `unverified_outcomes`.
        tried: ids of the steps that need a healthy site.
    """
    pending = [change for change in plan.changes if change.action is Action.CHANGE]
    not_applied = (
        unverified_outcomes(pending, policy, why=view.unverified, again=again) if view.unverified else {}
    )

    def seen(change: Change) -> Change:
        if change.action is not Action.CHANGE:
            return change
        if view.findings:
            blocked = change.step in tried
            return replace(change, action=Action.UNKNOWN, why=unhealthy(view.findings)) if blocked else change
        if change.item in not_applied:
            outcome = not_applied[change.item]
            return replace(change, action=_ACTIONS[outcome.outcome], why=outcome.why)
        note = f"{CANNOT_VERIFY}: {view.unverified}" if view.unverified else ""
        return replace(change, note="; ".join(filter(None, (change.note, note))))

    return replace(plan, changes=tuple(map(seen, plan.changes)))


def _is_major(change: Change) -> bool:
    if change.kind not in _SIZED or not change.from_version:
        return False
    size = core_level if change.kind is ItemKind.CORE else level
    return size(change.from_version, change.to_version) is Level.MAJOR
