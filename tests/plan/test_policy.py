from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from runner.model import Action, Change, Hold, ItemKind, Level, Policy, Rule, Site, UpdateRules
from runner.plan import LedgerHold, Standing, decide

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv")
WAIT = Rule(after=timedelta(days=7))
HOLD = Rule(hold=True)
VERSIONS = {Level.MAJOR: "2.0", Level.MINOR: "1.3", Level.PATCH: "1.2.1"}


def change(to="1.3", item="woo", kind=ItemKind.PLUGIN, old="1.2", **more):
    return Change(
        step="s", item=item, kind=kind, from_version=old, to_version=to, action=Action.CHANGE, **more
    )


def standing(policy=None, site=SITE, **more):
    return Standing(policy=policy or Policy(), site=site, now=NOW, today=date(2026, 11, 24), **more)


def told(change):
    return change.action.value, change.why


@pytest.mark.parametrize(
    ("item", "old", "to", "expected"),
    [
        ("woo", "1.2", "1.2.1", ("change", "a patch update, and nothing holds it")),
        ("woo", "1.2", "2.0", ("change", "a major update, and nothing holds it")),
        ("core", "6.5.5", "6.5.6", ("change", "a minor update, and nothing holds it")),
        ("core", "6.5.5", "6.6", ("hold", "major updates of core are held by the policy")),
        ("core", "6.5.5", "7.1.1", ("hold", "major updates of core are held by the policy")),
    ],
)
def test_by_default_only_a_major_version_of_wordpress_is_held(item, old, to, expected):
    kind = ItemKind.CORE if item == "core" else ItemKind.PLUGIN
    assert told(decide(change(to, item, kind, old), standing())) == expected


def test_what_the_facts_rule_out_stays_ruled_out():
    ruled_out = replace(change(), action=Action.UNKNOWN, why="not asked")
    assert decide(ruled_out, standing(), named=True) == ruled_out


def test_a_hold_by_hand_ends_with_its_day():
    held = replace(SITE, hold={"woo": Hold(why="Christmas sales", until=date(2026, 11, 24))})
    assert told(decide(change(), standing(site=held), named=True)) == (
        "hold",
        "held until 2026-11-24: Christmas sales",
    )
    tomorrow = replace(standing(site=held), today=date(2026, 11, 25))
    assert decide(change(), tomorrow).action is Action.CHANGE


def test_a_culprit_is_held_until_a_newer_version():
    hold = LedgerHold(item="woo", version="1.3", why="fatal error on every page")
    held = decide(change("1.3"), standing(holds=(hold,)), named=True)
    assert told(held) == ("hold", "held, for 1.3 broke this site: fatal error on every page")
    assert decide(change("1.3.1"), standing(holds=(hold,))).action is Action.CHANGE
    assert decide(change("1.3", item="other"), standing(holds=(hold,))).action is Action.CHANGE


def test_waiting_counts_from_when_the_version_was_first_seen():
    policy = Policy(updates=UpdateRules(minor=WAIT))
    fresh = decide(change(), standing(policy))
    assert told(fresh) == (
        "hold",
        "a minor update: waits until 2026-12-01 01:00 UTC, 7 days after it was first seen",
    )
    seen = {("woo", "1.3"): NOW - timedelta(days=7)}
    ripe = decide(change(), standing(policy, first_seen=seen))
    assert told(ripe) == ("change", "a minor update, first seen 7 days ago")
    other_version = {("woo", "1.2.9"): NOW - timedelta(days=70)}
    assert decide(change(), standing(policy, first_seen=other_version)).action is Action.HOLD


def test_the_narrowest_rule_wins():
    policy = Policy(updates=UpdateRules(minor=HOLD), items={"woo": UpdateRules(minor=WAIT)})
    assert "waits" in decide(change(), standing(policy)).why
    here = replace(SITE, updates={"woo": UpdateRules(minor=Rule())})
    assert decide(change(), standing(policy, here)).action is Action.CHANGE
    silent_here = replace(SITE, updates={"woo": UpdateRules(major=HOLD)})
    assert "waits" in decide(change(), standing(policy, silent_here)).why
    assert decide(change(item="other"), standing(policy)).why == "minor updates are held by the policy"


def expected_action(*, by_hand, culprit, security, rule, named):
    """The table of `runner.plan.policy`, written a second time."""
    if by_hand or culprit:
        return Action.HOLD
    if security:
        return Action.CHANGE
    if rule.hold:
        return Action.HOLD
    return Action.CHANGE if named or not rule.after else Action.HOLD


@pytest.mark.parametrize("level", list(Level))
def test_every_combination_of_hold_culprit_security_rule_and_name_has_its_answer(level):
    for by_hand, culprit, security, rule, named in product(
        (False, True), (False, True), (False, True), (Rule(), WAIT, HOLD), (False, True)
    ):
        decided = decide(
            change(VERSIONS[level]),
            standing(
                Policy(updates=UpdateRules(**{level.value: rule})),
                replace(SITE, hold={"woo": Hold(why="x")} if by_hand else {}),
                holds=(LedgerHold(item="woo", why="x"),) if culprit else (),
                security={"woo"} if security else (),
            ),
            named=named,
        )
        assert decided.action is expected_action(
            by_hand=by_hand, culprit=culprit, security=security, rule=rule, named=named
        )
        assert decided.why
