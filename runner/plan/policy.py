"""The crew's policy, applied to what a step proposes. Each decision is a sentence.

For one item, the first of these that applies decides (docs/policy.md has the table):

1. What the facts rule out stays ruled out (no package, PHP too old, could not be asked).
2. A `hold` of the site, its client or the policy, while it lasts.
3. A hold in the ledger: an earlier update to this version broke the site, or was undone by hand.
4. A package over http is held, unless `insecure_packages` names the item.
5. What Composer or a deployment looks after is held, unless `managed_by` of the site says otherwise.
6. The rule, where it says `hold`.
7. Named in the playbook's list: now.
8. The rule, where it says `after`: waits from when the version came out or was first seen.
9. Now.

*The rule* is the narrowest one that is written for updates of this size: of the item at the site, of the
site, of the item at the client, of the client, of the item in the policy, of the policy. For a security fix
it is the narrowest `security` rule, and `at-once` where there is none. A major version of WordPress is held
unless a rule for `core` says otherwise.

Of these, only the first four hold translations and databases, which have no sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from runner.model import Action, Change, Client, ItemKind, Level, ManagedBy, Policy, Rule, Site, UpdateRules
from runner.shell import command
from runner.steps.versions import compare, core_level, level

__all__ = ["BY_HAND", "CODE", "UNUSABLE", "LedgerHold", "Standing", "decide", "held", "is_unusable", "waits"]

BY_HAND = "undone by hand"
"""Begins why an item is held that an operator undid: nothing says that it broke the site."""
_BY_HAND = (BY_HAND, "put back by hand")
"""With what older versions wrote."""
UNUSABLE = "its package cannot be used"
"""Begins why an item is held that did not break the site: each try would fail in the same way."""
_UNUSABLE = (
    "the package contains the folder ",
    "the package does not contain ",
    "the package holds the folder ",
    "the package does not hold ",
)
"""The last two were written by older versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHold:
    """An item that broke the site or was undone by hand, held until a version after `version` or `unhold`."""

    item: str
    why: str
    version: str = ""
    """The version that is held; empty holds every version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a decision about one site is made from."""

    policy: Policy
    client: Client
    site: Site
    now: datetime
    """With a zone."""
    today: date
    """The day where the client lives, for holds that end with a day."""
    holds: Iterable[LedgerHold] = ()
    first_seen: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When (item, version) was first seen as an offer to this site."""
    released: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When (item, version) came out, where that is known."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Rules that apply to an item, and whose they are."""

    rules: UpdateRules
    where: str
    """Ends "... are held"."""
    who: str
    """Ends "... as"."""
    item: str = ""
    """Whom they are for; empty means every item."""


CODE = frozenset({ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME})
"""Items that are files of WordPress, a plugin or a theme."""
_NO_SCOPE = _Scope(UpdateRules(), "by the policy", "the policy says")


def decide(change: Change, standing: Standing, *, named: bool = False) -> Change:
    """The change with its action and the reason; `named` says that the playbook lists the item by name."""
    if change.action is not Action.CHANGE:
        elsewhere = change.action is Action.HOLD and change.managed and _managed(change, standing.site)
        return replace(change, why=elsewhere or change.why)
    held = _held_by_hand(change, standing) or _held_by_ledger(change, standing)
    if why := held or _insecure(change, standing.policy) or _managed(change, standing.site):
        hole = _closes(change, standing)
        return replace(change, action=Action.HOLD, why=f"{why} ({hole})" if hole else why)
    if change.kind is ItemKind.DATABASE:
        return replace(change, why="WordPress asks for it")
    if change.kind is ItemKind.LANGUAGE:
        return replace(change, why="a newer translation" if change.from_version else "not installed yet")
    decided = _by_rule(change, standing, named=named)
    if decided.action is Action.CHANGE and change.why:  # what the step has to say of how it will be done
        return replace(decided, why=f"{decided.why}; {change.why}")
    return decided


def _insecure(change: Change, policy: Policy) -> str:
    """Why a package over http is not installed; empty where it may be."""
    if not change.package.lower().startswith("http://") or change.item in policy.insecure_packages:
        return ""
    return "its package comes over http, where others can replace it: allow it in `policy.insecure_packages`"


def _managed(change: Change, site: Site) -> str:
    """Why the files are not ours to change; empty where they are."""
    if change.kind not in CODE or site.managed_by is ManagedBy.WORDPRESS:
        return ""
    if site.managed_by is ManagedBy.DEPLOYMENT and not change.managed:
        return "this site's code is deployed (`managed_by: deployment`): update it where releases are made"
    return change.managed


def _by_rule(change: Change, standing: Standing, *, named: bool) -> Change:
    what, word, rule, scope = _ruling(change, standing)
    if rule and rule.hold:
        return replace(change, action=Action.HOLD, why=_ruled(word, scope))
    if named:
        return replace(change, why=f"{what}, named in the playbook")
    if rule and rule.after:
        return _by_age(change, standing, rule, scope, what)
    return replace(change, why=f"{what}, at once as {scope.who}" if rule else f"{what}, and nothing holds it")


def _ruled(word: str, scope: _Scope) -> str:
    of = f" of {scope.item}" if scope.item else ""
    return f"{word}{of} are held {scope.where}"


def held(change: Change, standing: Standing) -> str:
    """Why the crew holds an update, whoever would install it; empty where it only waits, or is not held."""
    if why := _held_by_hand(change, standing) or _held_by_ledger(change, standing):
        return why
    if compare(change.to_version, change.from_version) <= 0:
        return ""
    _, word, rule, scope = _ruling(change, standing)
    return _ruled(word, scope) if rule and rule.hold else ""


def waits(policy: Policy, client: Client, site: Site) -> bool:
    """Whether anything may have to wait for its age."""
    scopes = [
        scope for one in (policy, client, site) for scope in (one.updates.all, *one.updates.items.values())
    ]
    return any(
        rule and rule.after
        for rules in scopes
        for rule in (rules.major, rules.minor, rules.patch, rules.security)
    )


def _held_by_hand(change: Change, standing: Standing) -> str:
    holders = (
        (standing.site.hold, "for this site"),
        (standing.client.hold, "for this client"),
        (standing.policy.hold, "by the policy"),
    )
    for holds, where in holders:
        hold = holds.get(change.item)
        if hold and (hold.until is None or standing.today <= hold.until):
            until = f" until {hold.until.isoformat()}" if hold.until else ""
            return f"held{until}: {hold.why}" if hold.why else f"held{until} {where}"
    return ""


def _held_by_ledger(change: Change, standing: Standing) -> str:
    for hold in standing.holds:
        if hold.item == change.item and (not hold.version or compare(change.to_version, hold.version) <= 0):
            which = f"{hold.version} " if hold.version else ""
            lift = command("unhold", standing.site.name, hold.item)
            if hold.why.startswith(UNUSABLE):
                return f"held, for {hold.why} (to try it again: {lift})"
            if hold.why.startswith(_BY_HAND):
                return f"held, since {which}was {hold.why} (to install it again: {lift})"
            return f"held, for {which}broke this site: {hold.why} (to try it again: {lift})"
    return ""


def is_unusable(why: str) -> bool:
    """Whether an update failed by what its package holds, which no further try changes."""
    return why.startswith(_UNUSABLE)


def _ruling(change: Change, standing: Standing) -> tuple[str, str, Rule | None, _Scope]:
    """What the update is, what such updates are called, and the rule for them with its scope."""
    core = change.kind is ItemKind.CORE
    size = (core_level if core else level)(change.from_version, change.to_version)
    what, word = f"a {size} update", f"{size} updates"
    scopes = list(_scopes(change.item, standing))
    if hole := _closes(change, standing):
        return f"a security fix ({hole})", "security fixes", *_narrowest(scopes, _security)
    if core and size is Level.MAJOR:
        return what, word, *_major_of_core(scopes)
    if core and not any(scope.item and scope.rules.of(size) for scope in scopes):
        what += " of WordPress, which counts as a security fix"
        return what, "security fixes", *_narrowest(scopes, _security)
    return what, word, *_narrowest(scopes, lambda rules: rules.of(size))


def _scopes(item: str, standing: Standing) -> Iterator[_Scope]:
    """What applies to an item, the narrowest first."""
    for updates, where, who in (
        (standing.site.updates, "for this site", "this site asks"),
        (standing.client.updates, "for this client", "this client asks"),
        (standing.policy.updates, "by the policy", "the policy says"),
    ):
        if item in updates.items:
            yield _Scope(updates.items[item], where, f"{who} for {item}", item)
        yield _Scope(updates.all, where, who)


def _narrowest(
    scopes: Iterable[_Scope], wanted: Callable[[UpdateRules], Rule | None]
) -> tuple[Rule | None, _Scope]:
    """The first rule that is written, and its scope."""
    return next(((rule, scope) for scope in scopes if (rule := wanted(scope.rules))), (None, _NO_SCOPE))


def _security(rules: UpdateRules) -> Rule | None:
    return rules.security


def _major_of_core(scopes: Iterable[_Scope]) -> tuple[Rule, _Scope]:
    """What is written for every item may hold a major version of WordPress, but not let it go."""
    for scope in scopes:
        rule = scope.rules.major
        if rule is not None and (scope.item or rule.hold):
            return rule, scope
    return Rule(hold=True), replace(_NO_SCOPE, item="core")


def _closes(change: Change, standing: Standing) -> str:
    """Which version of `policy.security` the update brings that the site does not have yet."""
    closing = standing.policy.security.get(change.item, "")
    brings = closing and compare(change.from_version, closing) < 0 <= compare(change.to_version, closing)
    return f"{closing} closes a known hole" if brings else ""


def _by_age(change: Change, standing: Standing, rule: Rule, scope: _Scope, what: str) -> Change:
    since, how = standing.first_seen.get((change.item, change.to_version), standing.now), "was first seen"
    released = standing.released.get((change.item, change.to_version), since)
    if released < since:
        since, how = released, "came out"
    ready = since + rule.after
    if standing.now >= ready:
        age = _ago(standing.now - since)
        return replace(change, why=f"{what} that {how} {age} ago")
    when = ready.astimezone(UTC)
    why = f"{what}: waits until {when:%Y-%m-%d %H:%M} UTC, {_ago(rule.after)} after it {how}"
    return replace(change, action=Action.HOLD, why=f"{why}, as {scope.who}")


def _ago(span: timedelta) -> str:
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if span >= timedelta(seconds=seconds):
            count = int(span.total_seconds() // seconds)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return "less than a minute"
