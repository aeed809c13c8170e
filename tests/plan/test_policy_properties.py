"""Precedence of rules, and properties of the update policy for random rules."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model import Action, Hold, Policy, UpdateRules, Updates
from runner.plan import decide
from tests.plan.test_policy import (
    AT_ONCE,
    CLIENT,
    HOLD,
    SITE,
    VERSIONS,
    WAIT,
    change,
    core,
    documented,
    standing,
)

SCOPES = [
    "of the item, at the site",
    "of the site",
    "of the item, at the client",
    "of the client",
    "of the item, in the policy",
    "of the policy",
]


def test_docs_have_the_order_of_rules():
    assert documented("Which rule is its rule") == SCOPES


@pytest.mark.parametrize("what", ["minor", "security"])
def test_narrowest_rule_decides(what):
    for rules in product((None, AT_ONCE, WAIT, HOLD), repeat=len(SCOPES)):
        decided = decide(change(), written(what, rules))
        narrowest = next((rule for rule in rules if rule is not None), AT_ONCE)
        assert decided.action is (Action.CHANGE if narrowest is AT_ONCE else Action.HOLD), rules


def written(what, rules):
    """Inputs with rules in the order of SCOPES."""
    made = [UpdateRules(**{what: rule}) for rule in rules]
    site, client, policy = (
        Updates(all=all_, items={"woo": item}) for item, all_ in zip(made[::2], made[1::2], strict=True)
    )
    known = {"woo": "1.3"} if what == "security" else {}
    return standing(
        Policy(updates=policy, security=known),
        replace(SITE, updates=site),
        replace(CLIENT, updates=client),
    )


some_rule = st.none() | st.sampled_from([AT_ONCE, WAIT, HOLD])
some_rules = st.builds(UpdateRules, major=some_rule, minor=some_rule, patch=some_rule, security=some_rule)
some_item = st.sampled_from(["woo", "seo", "core"])
some_updates = st.builds(Updates, all=some_rules, items=st.dictionaries(some_item, some_rules))
some_holds = st.dictionaries(some_item, st.builds(Hold))
some_fixes = st.sampled_from([{}, {"woo": "1.2.1"}])
some_change = st.sampled_from(
    [*(change(to) for to in VERSIONS.values()), change(item="seo"), core("6.5.6"), core("6.6")]
)
some_standing = st.builds(
    standing,
    st.builds(Policy, updates=some_updates, hold=some_holds, security=some_fixes),
    st.builds(lambda u, h: replace(SITE, updates=u, hold=h), some_updates, some_holds),
    st.builds(lambda u, h: replace(CLIENT, updates=u, hold=h), some_updates, some_holds),
)


def with_site_rules(here, updates):
    return replace(here, site=replace(here.site, updates=updates))


@given(some_change, some_standing, st.booleans())
def test_delay_never_replaces_a_hold(update, here, named):
    """A rule can replace a rule `hold`, but not a hold on an item."""
    held = replace(here, site=replace(here.site, hold={update.item: Hold()}))
    waiting = with_site_rules(held, Updates(all=UpdateRules(major=WAIT, minor=WAIT, patch=WAIT)))
    assert decide(update, held, named=named).action is Action.HOLD
    assert decide(update, waiting, named=named).action is Action.HOLD


@given(some_change, some_standing, st.booleans())
def test_security_fix_obeys_only_security_rules(update, here, named):
    bare = replace(
        here,
        policy=replace(here.policy, security={update.item: update.to_version}, hold={}),
        site=replace(here.site, hold={}),
        client=replace(here.client, hold={}),
    )
    at_once = with_site_rules(bare, Updates(items={update.item: UpdateRules(security=AT_ONCE)}))
    assert decide(update, at_once, named=named).action is Action.CHANGE


@given(some_change, some_standing, some_rules, st.booleans())
def test_rule_of_another_item_has_no_effect(update, here, rules, named):
    items = {**here.site.updates.items, "other": rules}
    more = with_site_rules(here, replace(here.site.updates, items=items))
    assert decide(update, more, named=named) == decide(update, here, named=named)


@given(some_change, some_standing, st.booleans())
def test_order_of_rules_has_no_effect(update, here, named):
    def turned(updates):
        return replace(updates, items=dict(reversed(updates.items.items())))

    other = replace(
        here,
        policy=replace(here.policy, updates=turned(here.policy.updates)),
        site=replace(here.site, updates=turned(here.site.updates)),
        client=replace(here.client, updates=turned(here.client.updates)),
    )
    assert decide(update, other, named=named) == decide(update, here, named=named)


@given(some_change, some_standing)
def test_naming_ends_a_delay_but_no_hold(update, here):
    plain, named = decide(update, here), decide(update, here, named=True)
    assert plain.action is Action.HOLD or named.action is Action.CHANGE
    if plain.action is Action.HOLD and "waits until" not in plain.why:
        assert named == plain
