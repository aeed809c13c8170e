"""What becomes of changes whose effect nobody could see: the policy's answer, change by change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.model import Change, ChangeOutcome, ItemKind, Level, Outcome, Unverified
from runner.steps.versions import core_level, level

__all__ = ["not_unseen"]

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
        if rule is Unverified.ASK:
            told = f"held, for nobody could check it: {why}; to do it all the same: {again}"
            found[change.item] = ChangeOutcome.of(change, Outcome.HELD, told)
        elif rule is Unverified.SKIP:
            told = f"left out by `policy.unverified`, for nobody could check it: {why}"
            found[change.item] = ChangeOutcome.of(change, Outcome.SKIPPED, told)
    return found


def _is_major(change: Change) -> bool:
    if change.kind not in _SIZED or not change.from_version:
        return False
    size = core_level if change.kind is ItemKind.CORE else level
    return size(change.from_version, change.to_version) is Level.MAJOR
