"""A locked plan against the world as it is now: what has moved, and what of the present plan may be done.

A change that was planned must still be the change that would be planned. What would be done besides is left
out where a step does only what it is told, and is a difference where a step does all that it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from runner.model import Action, Change, Extension, ItemKind, SiteFacts, SitePlan

__all__ = ["changed_steps", "moved", "moved_place", "narrowed", "newcomers"]

_WHOLE = frozenset({ItemKind.PACKAGE, ItemKind.RELEASE, ItemKind.FILE})
"""Kinds whose steps do all that they find."""


def changed_steps(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What is different about the playbook's steps, a sentence each."""
    before = {str(step.get("step")): step for step in then}
    after = {str(step.get("step")): step for step in now}
    found = [f"step {name} is not in the playbook any more" for name in before if name not in after]
    found += [f"step {name} is new in the playbook" for name in after if name not in before]
    for name, step in before.items():
        differing = _differing(step, after.get(name, step))
        found += [f"step {name}: {said.removeprefix('options.')}" for said in differing]
    if not found and list(before) != list(after):
        found.append("the steps of the playbook stand in another order")
    return tuple(found)


def moved_place(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What the inventory says otherwise about where a site is."""
    return tuple(_differing(then, now))


def moved(then: Iterable[Change], now: SitePlan, facts: SiteFacts | None) -> tuple[str, ...]:
    """What is not as it was planned, a sentence an item. A site with problems is left alone, and not judged.

    Args:
        then: the changes that were planned.
        now: the plan that would be made at present.
        facts: the site as it is, where it was read.
    """
    if now.problems:
        return ()
    wanted = [change for change in then if change.action is Action.CHANGE]
    found = [said for change in wanted if (said := _moved(change, now, facts))]
    found += [
        f"{change.item}: {_arrow(change.from_version, change.to_version)} is not in the plan, "
        f"and {change.step} does all that it finds"
        for change in newcomers(wanted, now)
        if change.kind in _WHOLE
    ]
    return tuple(found)


def narrowed(then: Iterable[Change], now: SitePlan) -> SitePlan:
    """The present plan without what was not planned."""
    more = {id(change) for change in newcomers(then, now)}
    why = "not in the locked plan"
    return replace(
        now,
        changes=tuple(
            replace(change, action=Action.SKIP, why=why) if id(change) in more else change
            for change in now.changes
        ),
    )


def newcomers(then: Iterable[Change], now: SitePlan) -> tuple[Change, ...]:
    """What would be done at present and was not planned."""
    planned = {_key(change) for change in then if change.action is Action.CHANGE}
    return tuple(
        change for change in now.changes if change.action is Action.CHANGE and _key(change) not in planned
    )


def _key(change: Change) -> tuple[str, str, ItemKind]:
    return change.step, change.item, change.kind


def _moved(change: Change, now: SitePlan, facts: SiteFacts | None) -> str:
    """How an item is not as it was planned; empty where it is."""
    found = [other for other in now.changes if _key(other) == _key(change)]
    same = [other for other in found if other.to_version == change.to_version]
    other = next(iter(same or found), None)
    planned = f"{change.item}: {_arrow(change.from_version, change.to_version)} was planned"
    if other is None:
        return f"{planned}, {_gone(change, facts)}"
    if other.from_version != change.from_version:
        return f"{planned}, {other.from_version or 'nothing'} is on disk now"
    if other.to_version != change.to_version:
        return f"{planned}, {other.to_version} is offered now"
    if other.action is not Action.CHANGE:
        return f"{planned}, but now: {other.why}"
    if other.active != change.active:
        return f"{planned}, and it {'is' if other.active else 'is not'} active now"
    then_from, now_from = _origin(change), _origin(other)
    return (
        f"{planned} from {then_from or 'nowhere'}, now it comes from {now_from}"
        if then_from != now_from
        else ""
    )


def _gone(change: Change, facts: SiteFacts | None) -> str:
    if facts is None or change.kind not in {ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME}:
        return "nothing is to be done to it now"
    version = _installed(change, facts)
    if version is None:
        return "it is not installed any more"
    if version != change.from_version:
        return f"{version} is on disk now"
    return "it is not offered any more"


def _installed(change: Change, facts: SiteFacts) -> str | None:
    if change.kind is ItemKind.CORE:
        return facts.wordpress
    family: Sequence[Extension] = facts.themes if change.kind is ItemKind.THEME else facts.plugins
    return next((entry.version for entry in family if entry.slug == change.item), None)


def _origin(change: Change) -> str:
    """The host that a package comes from; the rest of its address may be another each time."""
    return urlsplit(change.package).hostname or ""


def _arrow(old: str, new: str) -> str:
    return f"{old} -> {new}" if old and new else new or old


def _differing(then: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> Iterable[str]:
    for key in dict.fromkeys([*then, *now]):
        old, new, name = then.get(key), now.get(key), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(old, new, f"{name}.")
        elif old != new:
            yield f"{name} was {_shown(old)}, is {_shown(new)}"


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004
