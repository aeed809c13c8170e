"""A locked plan is compared with the current state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import Action, Change, Extension, ItemKind, SiteFacts, SitePlan
from runner.plan import changed_steps, differences, location_differences, unplanned_changes, without_unplanned

WOO = Change(
    step="plugins",
    item="woo",
    kind=ItemKind.PLUGIN,
    from_version="1.0",
    to_version="1.1",
    action=Action.CHANGE,
    package="https://vendor.example/a1b2/woo.zip",
    active=True,
)
SEO = replace(WOO, item="seo")
FILE = Change(
    step="sync", item="a.txt", kind=ItemKind.FILE, from_version="", to_version="ab12", action=Action.CHANGE
)


def plan(*changes, problems=()):
    return SitePlan(site="shop", client="acme", changes=changes, problems=problems)


def facts(*plugins):
    made = tuple(Extension(slug=slug, title="", version=version) for slug, version in plugins)
    return SiteFacts(wordpress="6.5", php="8.2", home="", siteurl="", plugins=made)


def test_unchanged_site_has_no_differences():
    other_address = replace(WOO, package="https://vendor.example/c3d4/woo.zip", why="another reason")
    assert differences([WOO, SEO], plan(SEO, other_address), None) == ()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(WOO, from_version="1.0.1"), "1.0.1 is installed now"),
        (replace(WOO, to_version="1.2"), "1.2 is offered now"),
        (replace(WOO, active=False), "and it is not active now"),
        (replace(WOO, action=Action.HOLD, why="held: x"), "but now: held: x"),
    ],
)
def test_difference_of_an_item_is_described(now, said):
    assert differences([WOO], plan(now), None) == (f"woo: 1.0 -> 1.1 was planned, {said}",)


def test_package_from_another_host_is_a_difference():
    elsewhere = replace(WOO, package="https://evil.example/woo.zip")
    assert differences([WOO], plan(elsewhere), None) == (
        "woo: 1.0 -> 1.1 was planned from vendor.example, now it comes from evil.example",
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (facts(("woo", "1.1")), "1.1 is installed now"),
        (facts(("woo", "1.0")), "it is no longer offered"),
        (facts(), "it is no longer installed"),
        (None, "it needs no change now"),
    ],
)
def test_missing_change_is_explained_by_the_facts(found, said):
    assert differences([WOO], plan(), found) == (f"woo: 1.0 -> 1.1 was planned, {said}",)


def test_new_update_is_skipped():
    now = plan(WOO, SEO)
    assert differences([WOO], now, None) == ()
    assert unplanned_changes([WOO], now) == (SEO,)
    assert [(c.item, c.action.value) for c in without_unplanned([WOO], now).changes] == [
        ("woo", "change"),
        ("seo", "skip"),
    ]


def test_change_held_in_the_plan_is_skipped():
    held = replace(WOO, action=Action.HOLD)
    assert differences([held], plan(WOO), None) == ()
    assert without_unplanned([held], plan(WOO)).pending("plugins") == ()


def test_new_file_is_a_difference():
    assert differences([], plan(FILE), None) == (
        "a.txt: ab12 is not in the plan, and sync always applies everything",
    )


def test_site_with_problems_is_not_compared():
    assert differences([WOO], plan(problems=("no connection",)), None) == ()


def test_changed_steps_are_described():
    then = [{"step": "a", "options": {"update": "all"}}, {"step": "b"}]
    now = [{"step": "c"}, {"step": "a", "options": {"update": ["woo", "seo"]}, "timeout": "PT1M"}]
    assert changed_steps(then, now) == (
        "step b is no longer in the playbook",
        "step c is new in the playbook",
        "step a: update changed from all to woo, seo",
        "step a: timeout changed from not set to PT1M",
    )
    assert changed_steps(then, then) == ()
    assert changed_steps(then, then[::-1]) == ("the order of the steps in the playbook has changed",)


def test_moved_site_is_described():
    assert location_differences({"host": "web1", "path": "/a"}, {"host": "web1", "path": "/b"}) == (
        "path changed from /a to /b",
    )
