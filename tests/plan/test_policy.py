"""Decisions of the update policy and their reasons."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from runner.model import (
    Action,
    Change,
    Client,
    Hold,
    ItemKind,
    Level,
    ManagedBy,
    Policy,
    Rule,
    Site,
    UpdateRules,
    Updates,
)
from runner.plan import UNUSABLE, LedgerHold, PolicyInput, decide, is_unusable, waits

PAGE = (Path(__file__).parents[2] / "docs/policy.md").read_text()
WAITS = "waits until 2026-12-01 01:00 UTC, 7 days after it was first seen"
COUNTS = " of WordPress, which counts as a security fix"
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv")
CLIENT = Client(id="acme", name="Acme")
AT_ONCE, WAIT, HOLD = Rule(), Rule(after=timedelta(days=7)), Rule(hold=True)
VERSIONS = {Level.MAJOR: "2.0", Level.MINOR: "1.3", Level.PATCH: "1.2.1"}


def change(to="1.3", item="woo", kind=ItemKind.PLUGIN, old="1.2", **more):
    return Change(
        step="s", item=item, kind=kind, from_version=old, to_version=to, action=Action.CHANGE, **more
    )


def core(to, old="6.5.5"):
    return change(to, "core", ItemKind.CORE, old)


def standing(policy=None, site=SITE, client=CLIENT, **more):
    return PolicyInput(policy=policy or Policy(), client=client, site=site, now=NOW, **more)


def ruled(item_rules=None, /, **rules):
    """A policy with rules for all items and for one item."""
    return Policy(updates=updates(item_rules, **rules))


def updates(item_rules=None, /, **rules):
    return Updates(all=UpdateRules(**rules), items={"woo": item_rules} if item_rules else {})


def told(change):
    return change.action.value, change.why


def documented(heading: str) -> list[str]:
    """The first text column of a table in the docs."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| \d \| (.+?) \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (change("1.2.1"), ("change", "a patch update, not held")),
        (change("2.0"), ("change", "a major update, not held")),
        (core("6.5.6"), ("change", f"a minor update{COUNTS}, not held")),
        (core("6.6"), ("hold", "major updates of core are held by the policy")),
        (core("7.1.1"), ("hold", "major updates of core are held by the policy")),
        (change("9", "database", ItemKind.DATABASE, "8"), ("change", "required by WordPress")),
        (change("2026", "de_DE core", ItemKind.LANGUAGE, "2025"), ("change", "a newer translation")),
    ],
)
def test_default_holds_only_major_versions_of_wordpress(update, expected):
    assert told(decide(update, standing())) == expected


@pytest.mark.parametrize(
    ("policy", "named", "expected"),
    [
        (ruled(minor=HOLD), False, ("hold", "minor updates are held by the policy")),
        (ruled(UpdateRules(minor=HOLD)), True, ("hold", "minor updates of woo are held by the policy")),
        (ruled(minor=AT_ONCE), False, ("change", "a minor update, at once by the policy")),
        (ruled(minor=WAIT), True, ("change", "a minor update, named in the playbook")),
        (
            ruled(UpdateRules(minor=WAIT)),
            False,
            ("hold", f"a minor update: {WAITS}, by the policy for woo"),
        ),
        (
            replace(ruled(minor=HOLD), security={"woo": "1.3"}),
            False,
            ("change", "a security fix (1.3 fixes a known vulnerability), not held"),
        ),
        (
            Policy(security={"woo": "1.3"}, hold={"woo": Hold(why="on sale")}),
            False,
            ("hold", "held: on sale (1.3 fixes a known vulnerability)"),
        ),
        (
            replace(ruled(security=HOLD), security={"woo": "1.3"}),
            False,
            ("hold", "security fixes are held by the policy"),
        ),
    ],
)
def test_reason_of_each_answer(policy, named, expected):
    assert told(decide(change(), standing(policy), named=named)) == expected


def test_reason_names_the_source_of_the_rule():
    here = standing(site=replace(SITE, updates=updates(UpdateRules(minor=HOLD))))
    assert decide(change(), here).why == "minor updates of woo are held for this site"
    theirs = standing(client=replace(CLIENT, updates=updates(minor=HOLD), hold={"seo": Hold()}))
    assert decide(change(), theirs).why == "minor updates are held for this client"
    assert decide(change(item="seo"), theirs).why == "held for this client"


def test_change_ruled_out_by_facts_stays_so():
    ruled_out = replace(change(), action=Action.UNKNOWN, why="not asked")
    assert decide(ruled_out, standing(), named=True) == ruled_out


def test_remark_of_a_step_follows_the_reason():
    noted = replace(core("6.5.6"), why="maintenance mode during the update: wp-includes is a link")
    assert decide(noted, standing()).why.endswith(
        "; maintenance mode during the update: wp-includes is a link"
    )


@pytest.mark.parametrize("kind", [ItemKind.PLUGIN, ItemKind.THEME, ItemKind.CORE])
def test_managed_by_overrides_what_the_files_show(kind):
    found, none = (change("1.2.1", kind=kind, managed=by) for by in ("managed by Composer", ""))
    stuck = replace(found, action=Action.HOLD, why="the site forbids changes to its files")
    ours, theirs = (standing(site=replace(SITE, managed_by=by)) for by in ManagedBy)
    assert told(decide(found, standing())) == ("hold", "managed by Composer")
    assert told(decide(stuck, standing())) == ("hold", "managed by Composer")
    assert told(decide(stuck, ours)) == ("hold", stuck.why)
    assert decide(found, ours).action is Action.CHANGE
    assert decide(none, standing()).action is Action.CHANGE
    assert "update it in the deployed project" in decide(none, theirs).why


@pytest.mark.parametrize("kind", [ItemKind.LANGUAGE, ItemKind.DATABASE])
def test_deployment_does_not_hold_database_and_translations(kind):
    here = standing(site=replace(SITE, managed_by=ManagedBy.DEPLOYMENT))
    assert decide(change(kind=kind), here).action is Action.CHANGE


def test_hold_ends_after_its_last_day():
    held = replace(SITE, hold={"woo": Hold(why="Christmas sales", until=date(2026, 11, 24))})
    last_day = decide(change(), standing(site=held), named=True)
    assert told(last_day) == ("hold", "held until 2026-11-24: Christmas sales")
    tomorrow = replace(standing(site=held), now=NOW + timedelta(days=1))
    assert decide(change(), tomorrow).action is Action.CHANGE


def test_hold_by_an_operator_reads_like_one_of_a_file():
    broke = LedgerHold(item="woo", version="1.3", why="white page")
    hold = LedgerHold(item="woo", why="Christmas sales", operator="ann", until=date(2026, 11, 24))
    last_day = decide(change(), standing(holds=(hold,)), named=True)
    assert told(last_day) == ("hold", "held until 2026-11-24: Christmas sales")
    assert last_day.note == "set by ann (to lift it: sitecrew unhold woo -l shop)"
    tomorrow = replace(standing(holds=(hold,)), now=NOW + timedelta(days=1))
    assert decide(change(), tomorrow).action is Action.CHANGE
    after = decide(change(), replace(tomorrow, holds=(hold, broke)))
    assert (after.why.startswith("held because 1.3 broke this site"), after.note) == (True, "")
    plain = decide(change(), standing(holds=(replace(hold, why="", until=None),)))
    assert told(plain) == ("hold", "held for this site")


def test_hold_by_an_operator_ends_with_a_newer_version():
    hold = LedgerHold(item="woo", version="1.3", why="", operator="ann")
    held = decide(change("1.3"), standing(holds=(hold,)))
    assert held.note == "up to 1.3, set by ann (to lift it: sitecrew unhold woo -l shop)"
    assert decide(change("1.3.1"), standing(holds=(hold,))).action is Action.CHANGE


def test_hold_in_a_file_comes_before_one_by_an_operator():
    site = replace(SITE, hold={"woo": Hold(why="file")})
    hold = LedgerHold(item="woo", why="ledger", operator="ann")
    decided = decide(change(), standing(site=site, holds=(hold,)))
    assert (decided.why, decided.note) == ("held: file", "")


@pytest.mark.parametrize("why", ["undone by hand (Ann, undo-1)", "put back by hand: undo-1"])
def test_undone_version_is_held_without_blame(why: str):
    hold = LedgerHold(item="woo", version="1.3", why=why)
    assert told(decide(change("1.3"), standing(holds=(hold,)))) == (
        "hold",
        f"held because 1.3 was {why} (to allow it again: sitecrew unhold woo -l shop)",
    )
    assert decide(change("1.3.1"), standing(holds=(hold,))).action is Action.CHANGE


def test_culprit_is_held_until_a_newer_version():
    hold = LedgerHold(item="woo", version="1.3", why="fatal error on every page")
    action, why = told(decide(change("1.3"), standing(holds=(hold,)), named=True))
    assert (action, why) == (
        "hold",
        f"held because 1.3 broke this site: {hold.why} (to retry: sitecrew unhold woo -l shop)",
    )
    assert decide(change("1.3.1"), standing(holds=(hold,))).action is Action.CHANGE
    assert decide(change("1.3", item="other"), standing(holds=(hold,))).action is Action.CHANGE


@pytest.mark.parametrize("words", ["contains the folder woo-2, not woo", "holds the folder woo-2, not woo"])
def test_unusable_package_is_recognized_in_older_wording(words):
    assert is_unusable(f"the package {words}")


def test_unusable_package_is_held_without_blame():
    why = f"{UNUSABLE}: the package holds the folder woo-2, not woo"
    hold = LedgerHold(item="woo", version="1.3", why=why)
    assert told(decide(change("1.3"), standing(holds=(hold,)))) == (
        "hold",
        f"held because {why} (to retry: sitecrew unhold woo -l shop)",
    )


def test_delay_counts_from_first_seen():
    policy = ruled(minor=WAIT)
    assert decide(change(), standing(policy)).action is Action.HOLD
    seen = {("woo", "1.3"): NOW - timedelta(days=7)}
    ripe = decide(change(), standing(policy, first_seen=seen))
    assert told(ripe) == ("change", "a minor update that was first seen 7 days ago")
    other_version = {("woo", "1.2.9"): NOW - timedelta(days=70)}
    assert decide(change(), standing(policy, first_seen=other_version)).action is Action.HOLD


def test_delay_counts_from_an_earlier_release():
    policy, woo = ruled(minor=WAIT), ("woo", "1.3")
    out = decide(change(), standing(policy, released={woo: NOW - timedelta(days=9)}))
    assert told(out) == ("change", "a minor update that was released 9 days ago")
    young = decide(change(), standing(policy, released={woo: NOW - timedelta(days=6)}))
    assert "waits until 2026-11-25 01:00 UTC, 7 days after it was released, by" in young.why
    seen = {woo: NOW - timedelta(days=8)}
    touched = standing(policy, first_seen=seen, released={woo: NOW - timedelta(days=1)})
    assert told(decide(change(), touched)) == ("change", "a minor update that was first seen 8 days ago")


@pytest.mark.parametrize("rules", [{"minor": WAIT}, {"security": WAIT}, {"woo": UpdateRules(patch=WAIT)}])
@pytest.mark.parametrize("whose", ["policy", "client", "site"])
def test_waits_finds_any_delay(rules, whose):
    made = updates(rules["woo"]) if "woo" in rules else updates(**rules)
    owners = {"policy": Policy(), "client": CLIENT, "site": SITE}
    assert not waits(**owners)
    owners[whose] = replace(owners[whose], updates=made)
    assert waits(**owners)


@pytest.mark.parametrize(
    ("to", "closing", "fixes"),
    [("1.3", "1.3", True), ("1.4", "1.3", True), ("1.2.9", "1.3", False), ("1.3", "1.2", False)],
)
def test_security_fix_reaches_the_fixed_version(to, closing, fixes):
    policy = replace(ruled(major=HOLD, minor=HOLD, patch=HOLD), security={"woo": closing})
    assert (decide(change(to), standing(policy)).action is Action.CHANGE) is fixes


def test_rule_for_all_items_cannot_allow_a_major_of_wordpress():
    generous = ruled(major=AT_ONCE)
    assert decide(core("6.6"), standing(generous), named=True).action is Action.HOLD
    eager = replace(CLIENT, updates=updates(major=AT_ONCE))
    assert decide(core("6.6"), standing(client=eager)).action is Action.HOLD
    let_go = Policy(updates=Updates(items={"core": UpdateRules(major=AT_ONCE)}))
    assert decide(core("6.6"), standing(let_go)).action is Action.CHANGE
    careful = replace(SITE, updates=updates(major=HOLD))
    assert decide(core("6.6"), standing(let_go, careful)).why == "major updates are held for this site"


def test_minor_of_wordpress_waits_only_by_a_core_rule():
    assert decide(core("6.5.6"), standing(ruled(minor=WAIT))).action is Action.CHANGE
    own = Policy(updates=Updates(items={"core": UpdateRules(minor=WAIT)}))
    assert decide(core("6.5.6"), standing(own)).action is Action.HOLD
    assert decide(core("6.5.6"), standing(ruled(security=HOLD))).action is Action.HOLD


ANSWERS = {
    "the facts rule it out: no package to download, PHP too old, wordpress.org could not be reached, "
    "a version that wordpress.org does not publish": (
        lambda c: c["ruled_out"],
        Action.UNKNOWN,
    ),
    "there is a `hold` of the site, its client or the policy, or a hold by `sitecrew hold`": (
        lambda c: c["by_hand"],
        Action.HOLD,
    ),
    "this version broke this site before or was undone by hand, "
    "and the hold was not lifted with `sitecrew unhold ITEM`": (
        lambda c: c["culprit"],
        Action.HOLD,
    ),
    "its package is downloaded over `http://`, and `policy.insecure_packages` does not list the item": (
        lambda c: c["insecure"],
        Action.HOLD,
    ),
    "[Composer or a deployment](deployments.md#bedrock-and-composer) manages it, and the site does not have "
    "`managed_by: wordpress`": (lambda c: c["deployed"], Action.HOLD),
    "its rule is `hold`": (lambda c: its_rule(c) is HOLD, Action.HOLD),
    "the playbook names it: `update: [woocommerce]`, or a version of WordPress": (
        lambda c: c["named"],
        Action.CHANGE,
    ),
    "its rule is `after`, and that time has not passed": (
        lambda c: its_rule(c) is WAIT and not c["ripe"],
        Action.HOLD,
    ),
    "otherwise": (lambda _: True, Action.CHANGE),
}
"""The conditions in the table of docs/policy.md."""


def its_rule(case):
    return case["urgent"] if case["security"] else case["rule"]


def test_docs_have_the_conditions_in_order():
    assert documented("Which answer an update gets") == list(ANSWERS)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("holder", ["site", "client", "policy"])
def test_first_matching_condition_decides(level, holder):
    rules = (None, AT_ONCE, WAIT, HOLD)
    flags = ("ruled_out", "by_hand", "culprit", "insecure", "deployed", "named", "security", "ripe")
    for rule, urgent, *switches in product(rules, rules, *[(False, True)] * len(flags)):
        case = {"rule": rule, "urgent": urgent, **dict(zip(flags, switches, strict=True))}
        expected = next(action for fits, action in ANSWERS.values() if fits(case))
        assert answer(case, level, holder).action is expected, case


def answer(case, level, holder):
    to = VERSIONS[level]
    hold = {"woo": Hold(why="x")} if case["by_hand"] else {}
    policy = replace(
        ruled(**{level.value: case["rule"], "security": case["urgent"]}),
        security={"woo": to} if case["security"] else {},
        hold=hold if holder == "policy" else {},
    )
    update = change(to, package="http://x.example/" if case["insecure"] else "")
    update = replace(update, action=Action.UNKNOWN) if case["ruled_out"] else update
    update = replace(update, managed="managed by Composer") if case["deployed"] else update
    here = standing(
        policy,
        replace(SITE, hold=hold if holder == "site" else {}),
        replace(CLIENT, hold=hold if holder == "client" else {}),
        holds=(LedgerHold(item="woo", why="x"),) if case["culprit"] else (),
        first_seen={("woo", to): NOW - timedelta(days=9)} if case["ripe"] else {},
    )
    decided = decide(update, here, named=case["named"])
    assert decided.why or case["ruled_out"]
    return decided
