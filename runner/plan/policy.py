"""The update policy, applied to the changes that a step proposes. Each decision has a reason.

For each item, the first of these that applies decides (see the table in docs/policy.md):

1. The facts rule the update out (no package, PHP too old, update check failed).
2. A `hold` of the site, the client or the policy, or a hold set with `sitecrew hold`, holds it.
3. Another hold in the ledger holds it: this version broke the site before, or was undone by hand.
4. A package over plain http is held unless `insecure_packages` has the item.
5. Code managed by Composer or a deployment is held unless `managed_by` of the site allows updates.
6. The rule is `hold`.
7. The item is named in the playbook: applied now.
8. The rule is `after`: it waits, counted from when the version was released or first seen.
9. Otherwise it is applied now.

*The rule* is the narrowest one for updates of this level: of the item at the site, of the site, of the item
at the client, of the client, of the item in the policy, of the policy. For a security fix it is the narrowest
`security` rule, and `at-once` if there is none. A major version of WordPress is held unless a rule for `core`
allows it.

Only the first four apply to translations and database updates, which have no level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from runner.model import Action, Change, Client, ItemKind, Level, ManagedBy, Policy, Rule, Site, UpdateRules
from runner.plan.holds import LedgerHold, in_force, ledger_hold, ledger_reason, operator_reason, set_by
from runner.steps.versions import compare, core_level, level
from runner.units import age, utc

__all__ = ["CODE", "PolicyInput", "decide", "held", "waits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInput:
    """The data on which decisions about one site are based."""

    policy: Policy
    client: Client
    site: Site
    now: datetime
    """Timezone-aware."""
    holds: Iterable[LedgerHold] = ()
    first_seen: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """By item and version, when this site was first offered it."""
    released: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """By item and version, when it was released, if known."""

    @property
    def today(self) -> date:
        """Today in the client's time zone, for holds with a last day."""
        return self.now.astimezone(ZoneInfo(self.client.timezone)).date()


@dataclass(frozen=True, slots=True)
class _Scope:
    """Rules that apply to an item, and where they are from."""

    rules: UpdateRules
    where: str
    """Continues "... are held"."""
    source: str
    """Continues "... by"."""
    item: str = ""
    """The item they are for; empty for all items."""


CODE = frozenset({ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME})
"""Kinds of items that consist of code."""
_SECURITY = "security fixes"
_NO_SCOPE = _Scope(UpdateRules(), "by the policy", "the policy")


def decide(change: Change, inputs: PolicyInput, *, named: bool = False) -> Change:
    """Return the change with its action and reason. `named`: the playbook lists the item by name."""
    if change.action is not Action.CHANGE:
        managed = change.action is Action.HOLD and change.managed and _managed(change, inputs.site)
        return replace(change, why=managed or change.why)
    held = _held_by_files(change, inputs) or _held_by_ledger(change, inputs)
    if why := held or _insecure(change, inputs.policy) or _managed(change, inputs.site):
        fix = _security_fix(change, inputs)
        note = "" if _held_by_files(change, inputs) else _set_by(change, inputs)
        return replace(
            change,
            action=Action.HOLD,
            security=bool(fix),
            why=f"{why} ({fix})" if fix else why,
            note="; ".join(filter(None, (note, change.note))),
        )
    if change.kind is ItemKind.DATABASE:
        return replace(change, why="required by WordPress")
    if change.kind is ItemKind.LANGUAGE:
        return replace(change, why="a newer translation" if change.from_version else "not installed yet")
    decided = _by_rule(change, inputs, named=named)
    if decided.action is Action.CHANGE and change.why:  # a remark of the step
        return replace(decided, why=f"{decided.why}; {change.why}")
    return decided


def _insecure(change: Change, policy: Policy) -> str:
    """Why a package over plain http is not installed; empty if it may be."""
    if not change.package.lower().startswith("http://") or change.item in policy.insecure_packages:
        return ""
    return (
        "its package is downloaded over plain http and could be tampered with; "
        "allow it in `policy.insecure_packages`"
    )


def _managed(change: Change, site: Site) -> str:
    """Why Composer or a deployment has to update the files; empty if Sitecrew may."""
    if change.kind not in CODE or site.managed_by is ManagedBy.WORDPRESS:
        return ""
    if site.managed_by is ManagedBy.DEPLOYMENT and not change.managed:
        return "the code is deployed (`managed_by: deployment`): update it in the deployed project"
    return change.managed


def _by_rule(change: Change, inputs: PolicyInput, *, named: bool) -> Change:
    what, word, rule, scope = _ruling(change, inputs)
    change = replace(change, security=word == _SECURITY)
    if rule and rule.hold:
        return replace(change, action=Action.HOLD, why=_ruled(word, scope))
    if named:
        return replace(change, why=f"{what}, named in the playbook")
    if rule and rule.after:
        return _by_age(change, inputs, rule, scope, what)
    return replace(change, why=f"{what}, at once by {scope.source}" if rule else f"{what}, not held")


def _ruled(word: str, scope: _Scope) -> str:
    of = f" of {scope.item}" if scope.item else ""
    return f"{word}{of} are held {scope.where}"


def held(change: Change, inputs: PolicyInput) -> str:
    """Return why an update is held, whatever installs it; empty if it is not held or only waits."""
    if why := _held_by_files(change, inputs) or _held_by_ledger(change, inputs):
        return why
    if compare(change.to_version, change.from_version) <= 0:
        return ""
    _, word, rule, scope = _ruling(change, inputs)
    return _ruled(word, scope) if rule and rule.hold else ""


def waits(policy: Policy, client: Client, site: Site) -> bool:
    """Whether any update may have to wait."""
    scopes = [
        scope for one in (policy, client, site) for scope in (one.updates.all, *one.updates.items.values())
    ]
    return any(
        rule and rule.after
        for rules in scopes
        for rule in (rules.major, rules.minor, rules.patch, rules.security)
    )


def _held_by_files(change: Change, inputs: PolicyInput) -> str:
    """Why a hold of the inventory or the settings holds an update; empty if none does."""
    holders = (
        (inputs.site.hold, "for this site"),
        (inputs.client.hold, "for this client"),
        (inputs.policy.hold, "by the policy"),
    )
    for holds, where in holders:
        hold = holds.get(change.item)
        if hold and in_force(hold.until, inputs.today):
            return operator_reason(hold.until, hold.why, where)
    return ""


def _held_by_ledger(change: Change, inputs: PolicyInput) -> str:
    hold = ledger_hold(change, inputs.holds, inputs.today)
    return ledger_reason(hold, inputs.site.name) if hold else ""


def _set_by(change: Change, inputs: PolicyInput) -> str:
    """Who set the hold of the ledger with `sitecrew hold`; empty if it is not one."""
    hold = ledger_hold(change, inputs.holds, inputs.today)
    return set_by(hold, inputs.site.name) if hold else ""


def _ruling(change: Change, inputs: PolicyInput) -> tuple[str, str, Rule | None, _Scope]:
    """Return what the update is, what such updates are called, and their rule with its scope."""
    core = change.kind is ItemKind.CORE
    size = (core_level if core else level)(change.from_version, change.to_version)
    what, word = f"a {size} update", f"{size} updates"
    scopes = list(_scopes(change.item, inputs))
    if fix := _security_fix(change, inputs):
        return f"a security fix ({fix})", _SECURITY, *_narrowest(scopes, _security)
    if core and size is Level.MAJOR:
        return what, word, *_major_of_core(scopes)
    if core and not any(scope.item and scope.rules.of(size) for scope in scopes):
        what += " of WordPress, which counts as a security fix"
        return what, _SECURITY, *_narrowest(scopes, _security)
    return what, word, *_narrowest(scopes, lambda rules: rules.of(size))


def _scopes(item: str, inputs: PolicyInput) -> Iterator[_Scope]:
    """Yield the rules that apply to an item, the narrowest first."""
    for updates, where, source in (
        (inputs.site.updates, "for this site", "this site's rules"),
        (inputs.client.updates, "for this client", "this client's rules"),
        (inputs.policy.updates, "by the policy", "the policy"),
    ):
        if item in updates.items:
            yield _Scope(updates.items[item], where, f"{source} for {item}", item)
        yield _Scope(updates.all, where, source)


def _narrowest(
    scopes: Iterable[_Scope], pick: Callable[[UpdateRules], Rule | None]
) -> tuple[Rule | None, _Scope]:
    """Return the first rule that is set, and its scope."""
    return next(((rule, scope) for scope in scopes if (rule := pick(scope.rules))), (None, _NO_SCOPE))


def _security(rules: UpdateRules) -> Rule | None:
    return rules.security


def _major_of_core(scopes: Iterable[_Scope]) -> tuple[Rule, _Scope]:
    """A rule for all items can hold a major version of WordPress, but only a rule for core can allow it."""
    for scope in scopes:
        rule = scope.rules.major
        if rule is not None and (scope.item or rule.hold):
            return rule, scope
    return Rule(hold=True), replace(_NO_SCOPE, item="core")


def _security_fix(change: Change, inputs: PolicyInput) -> str:
    """Which version in `policy.security` the update reaches; empty if it fixes no known vulnerability."""
    fixed = inputs.policy.security.get(change.item, "")
    reached = fixed and compare(change.from_version, fixed) < 0 <= compare(change.to_version, fixed)
    return f"{fixed} fixes a known vulnerability" if reached else ""


def _by_age(change: Change, inputs: PolicyInput, rule: Rule, scope: _Scope, what: str) -> Change:
    since, how = inputs.first_seen.get((change.item, change.to_version), inputs.now), "was first seen"
    released = inputs.released.get((change.item, change.to_version), since)
    if released < since:
        since, how = released, "was released"
    ready = since + rule.after
    if inputs.now >= ready:
        return replace(change, why=f"{what} that {how} {age(inputs.now - since)} ago")
    why = f"{what}: waits until {utc(ready)}, {age(rule.after)} after it {how}"
    return replace(change, action=Action.HOLD, why=f"{why}, by {scope.source}")
