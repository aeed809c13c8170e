"""Comparison of a locked plan with the current state: what has changed since, and what may be applied.

Every planned change must still be what would be planned now. Additional changes are skipped if their step can
apply single items; they count as a difference if the step always applies everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from runner.model import Action, Change, Extension, ItemKind, SiteFacts, SitePlan

__all__ = [
    "changed_steps",
    "differences",
    "location_differences",
    "planned_from_facts",
    "unplanned_changes",
    "without_unplanned",
]

_ALL_OR_NOTHING = frozenset({ItemKind.PACKAGE, ItemKind.RELEASE, ItemKind.FILE})
"""Kinds of items whose steps always apply everything."""


def changed_steps(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Describe how the playbook's steps differ, a sentence each."""
    before = {str(step.get("step")): step for step in then}
    after = {str(step.get("step")): step for step in now}
    found = [f"step {name} is no longer in the playbook" for name in before if name not in after]
    found += [f"step {name} is new in the playbook" for name in after if name not in before]
    for name, step in before.items():
        differing = _differing(step, after.get(name, step))
        found += [f"step {name}: {sentence.removeprefix('options.')}" for sentence in differing]
    if not found and list(before) != list(after):
        found.append("the order of the steps in the playbook has changed")
    return tuple(found)


def location_differences(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Describe how the inventory differs about where a site is."""
    return tuple(_differing(then, now))


def planned_from_facts(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes of items that the facts of a site contain: no packages, releases or files."""
    return tuple(change for change in changes if change.kind not in _ALL_OR_NOTHING)


def differences(then: Iterable[Change], now: SitePlan, facts: SiteFacts | None) -> tuple[str, ...]:
    """Describe how the current state differs from the plan, a sentence per item.

    Args:
        then: the changes of the locked plan.
        now: the plan that would be made now. If it has problems, nothing is compared.
        facts: the current facts of the site, if it was read.
    """
    if now.problems:
        return ()
    planned = [change for change in then if change.action is Action.CHANGE]
    found = [sentence for change in planned if (sentence := _difference(change, now, facts))]
    found += [
        f"{change.item}: {_arrow(change.from_version, change.to_version)} is not in the plan, "
        f"and {change.step} always applies everything"
        for change in unplanned_changes(planned, now)
        if change.kind in _ALL_OR_NOTHING
    ]
    return tuple(found)


def without_unplanned(then: Iterable[Change], now: SitePlan) -> SitePlan:
    """Return the current plan, with changes that were not in the locked plan skipped."""
    added = {id(change) for change in unplanned_changes(then, now)}
    why = "not in the locked plan"
    return replace(
        now,
        changes=tuple(
            replace(change, action=Action.SKIP, why=why) if id(change) in added else change
            for change in now.changes
        ),
    )


def unplanned_changes(then: Iterable[Change], now: SitePlan) -> tuple[Change, ...]:
    """Return the changes that would be applied now but were not in the locked plan."""
    planned = {_key(change) for change in then if change.action is Action.CHANGE}
    return tuple(
        change for change in now.changes if change.action is Action.CHANGE and _key(change) not in planned
    )


def _key(change: Change) -> tuple[str, str, ItemKind]:
    return change.step, change.item, change.kind


def _difference(change: Change, now: SitePlan, facts: SiteFacts | None) -> str:
    """How an item differs from the plan; empty if it does not."""
    found = [other for other in now.changes if _key(other) == _key(change)]
    same = [other for other in found if other.to_version == change.to_version]
    other = next(iter(same or found), None)
    planned = f"{change.item}: {_arrow(change.from_version, change.to_version)} was planned"
    if other is None:
        return f"{planned}, {_why_missing(change, facts)}"
    if other.from_version != change.from_version:
        return f"{planned}, {other.from_version or 'nothing'} is installed now"
    if other.to_version != change.to_version:
        return f"{planned}, {other.to_version} is offered now"
    if other.action is not Action.CHANGE:
        return f"{planned}, but now: {other.why}"
    if other.active != change.active:
        return f"{planned}, and it {'is' if other.active else 'is not'} active now"
    old_host, new_host = _package_host(change), _package_host(other)
    return (
        f"{planned} from {old_host or 'an unknown source'}, now it comes from {new_host}"
        if old_host != new_host
        else ""
    )


def _why_missing(change: Change, facts: SiteFacts | None) -> str:
    if facts is None or change.kind not in {ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME}:
        return "it needs no change now"
    version = _installed(change, facts)
    if version is None:
        return "it is no longer installed"
    if version != change.from_version:
        return f"{version} is installed now"
    return "it is no longer offered"


def _installed(change: Change, facts: SiteFacts) -> str | None:
    if change.kind is ItemKind.CORE:
        return facts.wordpress
    family: Sequence[Extension] = facts.themes if change.kind is ItemKind.THEME else facts.plugins
    return next((entry.version for entry in family if entry.slug == change.item), None)


def _package_host(change: Change) -> str:
    """The host of a package. The rest of the URL may differ each time."""
    return urlsplit(change.package).hostname or ""


def _arrow(old: str, new: str) -> str:
    return f"{old} -> {new}" if old and new else new or old


def _differing(then: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> Iterable[str]:
    for key in dict.fromkeys([*then, *now]):
        old, new, name = then.get(key), now.get(key), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(old, new, f"{name}.")
        elif old != new:
            yield f"{name} changed from {_shown(old)} to {_shown(new)}"


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004
