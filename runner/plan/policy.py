"""The crew's policy, applied to what a step proposes. Each decision is a sentence.

For one item, the first of these that applies decides:

1. What the facts rule out stays ruled out (no package, PHP too old, could not be asked).
2. A `hold` of the site, while it lasts.
3. A hold in the ledger: an earlier update to this version broke the site.
4. A known security hole: the rule `security`, which is `at-once` unless it says otherwise.
5. `hold` for updates of this size: the item's rule at the site, else the item's rule in the policy, else the
   rule for all. Where nothing is said, only a major version of WordPress is held.
6. Named in the playbook's list: now.
7. `after` for updates of this size, looked up alike: waits from when the version was first seen.
8. Now.

Translations have dates instead of versions: of these rules, only the first three hold them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from runner.model import Action, Change, ItemKind, Level, Policy, Rule, Site
from runner.steps.versions import compare, core_level, level

__all__ = ["LedgerHold", "Standing", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHold:
    """An item that broke the site, held until a newer version than `version` or until somebody lifts it."""

    item: str
    why: str
    version: str = ""
    """The version that broke it; empty holds every version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a decision about one site is made from."""

    policy: Policy
    site: Site
    now: datetime
    """With a zone."""
    today: date
    """The day where the client lives, for holds that end with a day."""
    holds: Iterable[LedgerHold] = ()
    first_seen: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When (item, version) was first seen as an offer to this site."""
    security: Collection[str] = ()
    """Items whose installed version has a known hole that the offered one closes."""


def decide(change: Change, standing: Standing, *, named: bool = False) -> Change:
    """The change with its action and the reason; `named` says that the playbook lists the item by name."""
    if change.action is not Action.CHANGE:
        return change
    if why := _held_by_hand(change, standing) or _held_by_ledger(change, standing):
        return replace(change, action=Action.HOLD, why=why)
    if change.kind is ItemKind.LANGUAGE:
        return replace(change, why="a newer translation" if change.from_version else "not installed yet")
    size = _size(change)
    rule, whose = _rule(change, standing, size)
    if change.item in standing.security:
        urgent = _security_rule(change, standing)
        return _by_rule(change, standing, urgent, "a security fix", "held by the policy for security fixes")
    what = f"a {size} update"
    if named and not rule.hold:
        return replace(change, why=f"{what}, named in the playbook")
    return _by_rule(change, standing, rule, what, f"{size} updates {whose}")


def _held_by_hand(change: Change, standing: Standing) -> str:
    hold = standing.site.hold.get(change.item)
    if hold is None or (hold.until is not None and standing.today > hold.until):
        return ""
    until = f" until {hold.until.isoformat()}" if hold.until else ""
    return f"held{until}" + (f": {hold.why}" if hold.why else " for this site")


def _held_by_ledger(change: Change, standing: Standing) -> str:
    for hold in standing.holds:
        if hold.item == change.item and (not hold.version or compare(change.to_version, hold.version) <= 0):
            which = f"{hold.version} " if hold.version else ""
            return f"held, for {which}broke this site: {hold.why}"
    return ""


def _size(change: Change) -> Level:
    measure = core_level if change.kind is ItemKind.CORE else level
    return measure(change.from_version, change.to_version)


def _rule(change: Change, standing: Standing, size: Level) -> tuple[Rule, str]:
    """The rule that applies, and the end of a sentence "... updates" that says whose it is."""
    scopes = (
        (standing.site.updates.get(change.item), f"of {change.item} are held for this site"),
        (standing.policy.items.get(change.item), f"of {change.item} are held by the policy"),
        (standing.policy.updates, "are held by the policy"),
    )
    for rules, whose in scopes:
        if rules is not None and (rule := rules.of(size)) is not None:
            return rule, whose
    return Rule(), ""


def _security_rule(change: Change, standing: Standing) -> Rule:
    scopes = (
        standing.site.updates.get(change.item),
        standing.policy.items.get(change.item),
        standing.policy.updates,
    )
    return next((rules.security for rules in scopes if rules and rules.security), Rule())


def _by_rule(change: Change, standing: Standing, rule: Rule, what: str, held: str) -> Change:
    if rule.hold:
        return replace(change, action=Action.HOLD, why=held)
    if not rule.after:
        return replace(change, why=f"{what}, and nothing holds it")
    seen = standing.first_seen.get((change.item, change.to_version), standing.now)
    ready = seen + rule.after
    if standing.now >= ready:
        return replace(change, why=f"{what}, first seen {_ago(standing.now - seen)} ago")
    when = ready.astimezone(UTC)
    why = f"{what}: waits until {when:%Y-%m-%d %H:%M} UTC, {_ago(rule.after)} after it was first seen"
    return replace(change, action=Action.HOLD, why=why)


def _ago(span: timedelta) -> str:
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if span >= timedelta(seconds=seconds):
            count = int(span.total_seconds() // seconds)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return "less than a minute"
