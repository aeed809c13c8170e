from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from runner.plan import UNUSABLE, LedgerHold, Standing, decide, is_unusable, waits

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
    return Standing(
        policy=policy or Policy(), client=client, site=site, now=NOW, today=date(2026, 11, 24), **more
    )


def ruled(item_rules=None, /, **rules):
    """A policy with rules for every item, and for one."""
    return Policy(updates=updates(item_rules, **rules))


def updates(item_rules=None, /, **rules):
    return Updates(all=UpdateRules(**rules), items={"woo": item_rules} if item_rules else {})


def told(change):
    return change.action.value, change.why


def documented(heading: str) -> list[str]:
    """The first column of words of a table of the page, line by line."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| \d \| (.+?) \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (change("1.2.1"), ("change", "a patch update, and nothing holds it")),
        (change("2.0"), ("change", "a major update, and nothing holds it")),
        (core("6.5.6"), ("change", f"a minor update{COUNTS}, and nothing holds it")),
        (core("6.6"), ("hold", "major updates of core are held by the policy")),
        (core("7.1.1"), ("hold", "major updates of core are held by the policy")),
        (change("9", "database", ItemKind.DATABASE, "8"), ("change", "WordPress asks for it")),
        (change("2026", "de_DE core", ItemKind.LANGUAGE, "2025"), ("change", "a newer translation")),
    ],
)
def test_by_default_only_a_major_version_of_wordpress_is_held(update, expected):
    assert told(decide(update, standing())) == expected


@pytest.mark.parametrize(
    ("policy", "named", "expected"),
    [
        (ruled(minor=HOLD), False, ("hold", "minor updates are held by the policy")),
        (ruled(UpdateRules(minor=HOLD)), True, ("hold", "minor updates of woo are held by the policy")),
        (ruled(minor=AT_ONCE), False, ("change", "a minor update, at once as the policy says")),
        (ruled(minor=WAIT), True, ("change", "a minor update, named in the playbook")),
        (
            ruled(UpdateRules(minor=WAIT)),
            False,
            ("hold", f"a minor update: {WAITS}, as the policy says for woo"),
        ),
        (
            replace(ruled(minor=HOLD), security={"woo": "1.3"}),
            False,
            ("change", "a security fix (1.3 closes a known hole), and nothing holds it"),
        ),
        (
            Policy(security={"woo": "1.3"}, hold={"woo": Hold(why="on sale")}),
            False,
            ("hold", "held: on sale (1.3 closes a known hole)"),
        ),
        (
            replace(ruled(security=HOLD), security={"woo": "1.3"}),
            False,
            ("hold", "security fixes are held by the policy"),
        ),
    ],
)
def test_each_answer_is_a_sentence(policy, named, expected):
    assert told(decide(change(), standing(policy), named=named)) == expected


def test_the_sentence_says_whose_rule_it_is():
    here = standing(site=replace(SITE, updates=updates(UpdateRules(minor=HOLD))))
    assert decide(change(), here).why == "minor updates of woo are held for this site"
    theirs = standing(client=replace(CLIENT, updates=updates(minor=HOLD), hold={"seo": Hold()}))
    assert decide(change(), theirs).why == "minor updates are held for this client"
    assert decide(change(item="seo"), theirs).why == "held for this client"


def test_what_the_facts_rule_out_stays_ruled_out():
    ruled_out = replace(change(), action=Action.UNKNOWN, why="not asked")
    assert decide(ruled_out, standing(), named=True) == ruled_out


def test_what_a_step_says_of_how_it_will_be_done_stands_behind_the_reason():
    noted = replace(core("6.5.6"), why="maintenance mode during the update: wp-includes is a link")
    assert decide(noted, standing()).why.endswith(
        "; maintenance mode during the update: wp-includes is a link"
    )


@pytest.mark.parametrize("kind", [ItemKind.PLUGIN, ItemKind.THEME, ItemKind.CORE])
def test_who_deploys_the_code_is_what_the_files_show_unless_the_inventory_says_it(kind):
    found, none = (change("1.2.1", kind=kind, managed=by) for by in ("managed by Composer", ""))
    stuck = replace(found, action=Action.HOLD, why="the site forbids changes to its files")
    ours, theirs = (standing(site=replace(SITE, managed_by=by)) for by in ManagedBy)
    assert told(decide(found, standing())) == ("hold", "managed by Composer")
    assert told(decide(stuck, standing())) == ("hold", "managed by Composer")
    assert told(decide(stuck, ours)) == ("hold", stuck.why)
    assert decide(found, ours).action is Action.CHANGE
    assert decide(none, standing()).action is Action.CHANGE
    assert "update it where releases are made" in decide(none, theirs).why


@pytest.mark.parametrize("kind", [ItemKind.LANGUAGE, ItemKind.DATABASE])
def test_what_no_release_brings_is_not_held_for_it(kind):
    here = standing(site=replace(SITE, managed_by=ManagedBy.DEPLOYMENT))
    assert decide(change(kind=kind), here).action is Action.CHANGE


def test_a_hold_by_hand_ends_with_its_day():
    held = replace(SITE, hold={"woo": Hold(why="Christmas sales", until=date(2026, 11, 24))})
    last_day = decide(change(), standing(site=held), named=True)
    assert told(last_day) == ("hold", "held until 2026-11-24: Christmas sales")
    tomorrow = replace(standing(site=held), today=date(2026, 11, 25))
    assert decide(change(), tomorrow).action is Action.CHANGE


@pytest.mark.parametrize("why", ["undone by hand (Ann, undo-1)", "put back by hand: undo-1"])
def test_what_was_undone_by_hand_is_held_and_not_blamed(why: str):
    hold = LedgerHold(item="woo", version="1.3", why=why)
    assert told(decide(change("1.3"), standing(holds=(hold,)))) == (
        "hold",
        f"held, since 1.3 was {why} (to install it again: sitecrew unhold shop woo)",
    )
    assert decide(change("1.3.1"), standing(holds=(hold,))).action is Action.CHANGE


def test_a_culprit_is_held_until_a_newer_version():
    hold = LedgerHold(item="woo", version="1.3", why="fatal error on every page")
    action, why = told(decide(change("1.3"), standing(holds=(hold,)), named=True))
    assert (action, why) == (
        "hold",
        f"held, for 1.3 broke this site: {hold.why} (to try it again: sitecrew unhold shop woo)",
    )
    assert decide(change("1.3.1"), standing(holds=(hold,))).action is Action.CHANGE
    assert decide(change("1.3", item="other"), standing(holds=(hold,))).action is Action.CHANGE


@pytest.mark.parametrize("words", ["contains the folder woo-2, not woo", "holds the folder woo-2, not woo"])
def test_unusable_packages_are_known_in_older_words_too(words):
    assert is_unusable(f"the package {words}")


def test_a_package_that_cannot_be_used_is_held_and_not_called_a_culprit():
    why = f"{UNUSABLE}: the package holds the folder woo-2, not woo"
    hold = LedgerHold(item="woo", version="1.3", why=why)
    assert told(decide(change("1.3"), standing(holds=(hold,)))) == (
        "hold",
        f"held, for {why} (to try it again: sitecrew unhold shop woo)",
    )


def test_waiting_counts_from_when_the_version_was_first_seen():
    policy = ruled(minor=WAIT)
    assert decide(change(), standing(policy)).action is Action.HOLD
    seen = {("woo", "1.3"): NOW - timedelta(days=7)}
    ripe = decide(change(), standing(policy, first_seen=seen))
    assert told(ripe) == ("change", "a minor update that was first seen 7 days ago")
    other_version = {("woo", "1.2.9"): NOW - timedelta(days=70)}
    assert decide(change(), standing(policy, first_seen=other_version)).action is Action.HOLD


def test_waiting_counts_from_when_the_version_came_out_where_that_is_known_and_earlier():
    policy, woo = ruled(minor=WAIT), ("woo", "1.3")
    out = decide(change(), standing(policy, released={woo: NOW - timedelta(days=9)}))
    assert told(out) == ("change", "a minor update that came out 9 days ago")
    young = decide(change(), standing(policy, released={woo: NOW - timedelta(days=6)}))
    assert "waits until 2026-11-25 01:00 UTC, 7 days after it came out, as" in young.why
    seen = {woo: NOW - timedelta(days=8)}
    touched = standing(policy, first_seen=seen, released={woo: NOW - timedelta(days=1)})
    assert told(decide(change(), touched)) == ("change", "a minor update that was first seen 8 days ago")


@pytest.mark.parametrize("rules", [{"minor": WAIT}, {"security": WAIT}, {"woo": UpdateRules(patch=WAIT)}])
@pytest.mark.parametrize("whose", ["policy", "client", "site"])
def test_it_is_known_beforehand_whether_anything_may_have_to_wait(rules, whose):
    made = updates(rules["woo"]) if "woo" in rules else updates(**rules)
    owners = {"policy": Policy(), "client": CLIENT, "site": SITE}
    assert not waits(**owners)
    owners[whose] = replace(owners[whose], updates=made)
    assert waits(**owners)


@pytest.mark.parametrize(
    ("to", "closing", "fixes"),
    [("1.3", "1.3", True), ("1.4", "1.3", True), ("1.2.9", "1.3", False), ("1.3", "1.2", False)],
)
def test_a_security_fix_brings_the_version_that_closes_the_hole(to, closing, fixes):
    policy = replace(ruled(major=HOLD, minor=HOLD, patch=HOLD), security={"woo": closing})
    assert (decide(change(to), standing(policy)).action is Action.CHANGE) is fixes


def test_what_is_written_for_every_item_holds_a_major_of_wordpress_but_does_not_let_it_go():
    generous = ruled(major=AT_ONCE)
    assert decide(core("6.6"), standing(generous), named=True).action is Action.HOLD
    eager = replace(CLIENT, updates=updates(major=AT_ONCE))
    assert decide(core("6.6"), standing(client=eager)).action is Action.HOLD
    let_go = Policy(updates=Updates(items={"core": UpdateRules(major=AT_ONCE)}))
    assert decide(core("6.6"), standing(let_go)).action is Action.CHANGE
    careful = replace(SITE, updates=updates(major=HOLD))
    assert decide(core("6.6"), standing(let_go, careful)).why == "major updates are held for this site"


def test_a_minor_release_of_wordpress_waits_only_where_a_rule_for_core_says_so():
    assert decide(core("6.5.6"), standing(ruled(minor=WAIT))).action is Action.CHANGE
    own = Policy(updates=Updates(items={"core": UpdateRules(minor=WAIT)}))
    assert decide(core("6.5.6"), standing(own)).action is Action.HOLD
    assert decide(core("6.5.6"), standing(ruled(security=HOLD))).action is Action.HOLD


ANSWERS = {
    "the facts rule it out: no package to download, PHP too old, wordpress.org could not be asked, "
    "a version that wordpress.org does not publish": (
        lambda c: c["ruled_out"],
        Action.UNKNOWN,
    ),
    "a `hold` of the site, of its client or of the policy lasts": (lambda c: c["by_hand"], Action.HOLD),
    "this version broke this site before or was undone by hand, "
    "and nobody typed `sitecrew unhold SITE ITEM`": (
        lambda c: c["culprit"],
        Action.HOLD,
    ),
    "its package comes over `http://`, and `policy.insecure_packages` does not name the item": (
        lambda c: c["insecure"],
        Action.HOLD,
    ),
    "[Composer or a deployment](worlds.md#bedrock-and-composer) put it there, and the site does not say "
    "`managed_by: wordpress`": (lambda c: c["deployed"], Action.HOLD),
    "its rule says `hold`": (lambda c: its_rule(c) is HOLD, Action.HOLD),
    "the playbook names it: `update: [woocommerce]`, or a version of WordPress": (
        lambda c: c["named"],
        Action.CHANGE,
    ),
    "its rule says `after`, and that time has not passed": (
        lambda c: its_rule(c) is WAIT and not c["ripe"],
        Action.HOLD,
    ),
    "anything else": (lambda _: True, Action.CHANGE),
}
"""The table of docs/policy.md, line by line."""


def its_rule(case):
    return case["urgent"] if case["security"] else case["rule"]


def test_the_page_has_the_lines_of_the_table():
    assert documented("Which answer an update gets") == list(ANSWERS)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("holder", ["site", "client", "policy"])
def test_every_combination_has_the_answer_of_the_first_line_that_fits(level, holder):
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


SCOPES = [
    "of the item, at the site",
    "of the site",
    "of the item, at the client",
    "of the client",
    "of the item, in the policy",
    "of the policy",
]


def test_the_page_has_the_order_of_the_rules():
    assert documented("Which rule is its rule") == SCOPES


@pytest.mark.parametrize("what", ["minor", "security"])
def test_of_every_combination_of_rules_the_narrowest_decides(what):
    for rules in product((None, AT_ONCE, WAIT, HOLD), repeat=len(SCOPES)):
        decided = decide(change(), written(what, rules))
        narrowest = next((rule for rule in rules if rule is not None), AT_ONCE)
        assert decided.action is (Action.CHANGE if narrowest is AT_ONCE else Action.HOLD), rules


def written(what, rules):
    """The rules in the order of SCOPES, each at its place."""
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
def test_a_hold_never_becomes_a_change_by_writing_a_wait_for_it(update, here, named):
    """A rule `hold` may be replaced; a hold by hand is not touched by any rule."""
    held = replace(here, site=replace(here.site, hold={update.item: Hold()}))
    waiting = with_site_rules(held, Updates(all=UpdateRules(major=WAIT, minor=WAIT, patch=WAIT)))
    assert decide(update, held, named=named).action is Action.HOLD
    assert decide(update, waiting, named=named).action is Action.HOLD


@given(some_change, some_standing, st.booleans())
def test_a_security_fix_waits_for_nothing_but_a_security_rule(update, here, named):
    bare = replace(
        here,
        policy=replace(here.policy, security={update.item: update.to_version}, hold={}),
        site=replace(here.site, hold={}),
        client=replace(here.client, hold={}),
    )
    at_once = with_site_rules(bare, Updates(items={update.item: UpdateRules(security=AT_ONCE)}))
    assert decide(update, at_once, named=named).action is Action.CHANGE


@given(some_change, some_standing, some_rules, st.booleans())
def test_a_rule_for_one_item_matters_for_that_item_only(update, here, rules, named):
    items = {**here.site.updates.items, "other": rules}
    more = with_site_rules(here, replace(here.site.updates, items=items))
    assert decide(update, more, named=named) == decide(update, here, named=named)


@given(some_change, some_standing, st.booleans())
def test_the_order_in_which_rules_are_written_means_nothing(update, here, named):
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
def test_a_name_in_the_playbook_ends_waiting_and_no_hold(update, here):
    plain, named = decide(update, here), decide(update, here, named=True)
    assert plain.action is Action.HOLD or named.action is Action.CHANGE
    if "held" in plain.why:
        assert named == plain
