"""Which sites wait for approval, and what runs when the window starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model import Action, Approve, Change, ItemKind, LockedPlan, LockedSite, Site, SitePlan
from runner.plan.approval import (
    Refusal,
    Terms,
    free_sites,
    is_major,
    sites_to_plan,
    terms_of,
    waiting_sites,
    without_majors,
)
from runner.record import ApprovalState, ApprovalView
from tests.workflows.scheduling import at

ALL, MAJORS, NONE = Approve(sites=("all",)), Approve(majors=True), Approve()
SHOPS = Approve(sites=("tag:shop",))
STARTS = at("2027-01-05 02:00")
WAITING, APPROVED, DECLINED, FAILED, UNNEEDED = (
    ApprovalState.WAITING,
    ApprovalState.APPROVED,
    ApprovalState.DECLINED,
    ApprovalState.FAILED,
    ApprovalState.UNNEEDED,
)


def site(name: str, *tags: str) -> Site:
    return Site(
        name=name, client="acme", host="web1", url=f"https://{name}.example", path="/x", tags=frozenset(tags)
    )


SHOP, BLOG = site("shop", "shop"), site("blog")
SITES = (SHOP, BLOG)
MAJOR = Change(
    step="plugins",
    item="woo",
    kind=ItemKind.PLUGIN,
    from_version="1.9",
    to_version="2.0",
    action=Action.CHANGE,
)
MINOR = replace(MAJOR, item="seo", to_version="1.10")


def plan(name: str, *changes: Change, problems: tuple[str, ...] = ()) -> SitePlan:
    return SitePlan(site=name, client="acme", changes=changes, problems=problems)


def locked(*plans: SitePlan) -> LockedPlan:
    return LockedPlan(
        playbook="weekly",
        made=STARTS - timedelta(days=1),
        sites={one.site: LockedSite(place={}, plan=one) for one in plans},
    )


def approval(state: ApprovalState, *sites: str, others: int = 0, why: str = "") -> ApprovalView:
    return ApprovalView(
        id=1,
        window="weekly",
        client="acme",
        starts=STARTS,
        until=STARTS + timedelta(hours=1),
        made=STARTS - timedelta(days=1),
        state=state,
        sites=sites,
        others=others,
        why=why,
        operator="ann" if state in {APPROVED, DECLINED} else None,
        answered=STARTS - timedelta(hours=3) if state in {APPROVED, DECLINED} else None,
    )


BOTH = locked(plan("shop", MAJOR), plan("blog", MINOR))


@pytest.mark.parametrize(
    ("change", "major"),
    [
        (MAJOR, True),
        (MINOR, False),
        (replace(MAJOR, action=Action.HOLD), False),
        (replace(MAJOR, from_version=""), False),
        (replace(MAJOR, kind=ItemKind.LANGUAGE), False),
        (replace(MAJOR, kind=ItemKind.CORE, from_version="6.5.2", to_version="6.6"), True),
        (replace(MAJOR, kind=ItemKind.CORE, from_version="6.5.2", to_version="6.5.3"), False),
        (replace(MAJOR, kind=ItemKind.PLUGIN, from_version="6.5.2", to_version="6.6"), False),
    ],
)
def test_major_update_is_recognized(change: Change, *, major: bool):
    assert is_major(change) is major


@pytest.mark.parametrize(
    ("rule", "planned", "waiting", "free"),
    [
        (ALL, {"shop", "blog"}, {"shop", "blog"}, 0),
        (MAJORS, {"shop", "blog"}, {"shop"}, 1),
        (SHOPS, {"shop"}, {"shop"}, 1),
        (NONE, set(), set(), 2),
    ],
)
def test_rule_selects_sites(rule: Approve, planned: set[str], waiting: set[str], free: int):
    assert {one.name for one in sites_to_plan(rule, SITES)} == planned
    plans = [one.plan for name, one in BOTH.sites.items() if name in planned]
    assert set(waiting_sites(rule, plans)) == waiting
    assert free_sites(rule, SITES, tuple(waiting)) == free


def test_site_with_problems_does_not_wait():
    assert waiting_sites(ALL, [plan("shop", MAJOR, problems=("no connection",)), plan("blog")]) == ("blog",)


def terms(rule: Approve, view: ApprovalView | None, sites=SITES, plans=BOTH, outdated=None):
    return terms_of(rule, view, plans, sites, outdated or {})


def test_no_rule_starts_all_sites():
    assert terms(NONE, None) == Terms()
    assert terms(NONE, approval(WAITING, "shop")) == Terms()
    assert terms(SHOPS, None, sites=(BLOG,)) == Terms()


def test_missing_plan_delays_start():
    found = terms(ALL, None)
    assert found == Refusal("could not be planned: its plan was not ready")


def test_approved_sites_are_locked():
    assert terms(ALL, approval(APPROVED, "shop", "blog")) == Terms(frozenset({"shop", "blog"}))
    assert terms(MAJORS, approval(APPROVED, "shop", others=1)) == Terms(
        frozenset({"shop"}), {}, no_majors=True
    )


def test_waiting_opening_is_delayed_unless_sites_are_free():
    assert terms(ALL, approval(WAITING, "shop", "blog")) == Refusal("not approved")
    assert terms(MAJORS, approval(WAITING, "shop", others=1)) == Terms(
        frozenset(), {"shop": "not approved"}, no_majors=True
    )


def test_declined_opening_is_refused_at_once_even_without_a_rule():
    view = approval(DECLINED, "shop", "blog", why="after the sale")
    assert terms(ALL, view) == Refusal("declined by ann on 2027-01-04: after the sale", final=True)
    assert terms(NONE, view) == Refusal("declined by ann on 2027-01-04: after the sale", final=True)
    mixed = terms(MAJORS, approval(DECLINED, "shop", others=1, why="no"))
    assert mixed == Terms(frozenset(), {"shop": "declined by ann on 2027-01-04: no"}, no_majors=True)


def test_new_site_is_not_started_without_approval():
    found = terms(ALL, approval(APPROVED, "shop", "blog"), sites=(*SITES, site("new")))
    assert found == Terms(
        frozenset({"shop", "blog"}), {"new": "not approved: it is not in the approved plan"}
    )
    found = terms(MAJORS, approval(APPROVED, "shop"), sites=(SHOP, site("new")))
    assert found == Terms(frozenset({"shop"}), {}, no_majors=True)


def test_removed_site_is_not_started():
    assert terms(ALL, approval(APPROVED, "shop", "blog"), sites=(BLOG,)) == Terms(frozenset({"blog"}))


def test_outdated_site_is_withheld_and_alone_refuses():
    outdated = {"shop": ("woo: 1.9 -> 2.0 was planned, 2.1 is offered now",)}
    why = "the approved plan no longer applies: woo: 1.9 -> 2.0 was planned, 2.1 is offered now"
    found = terms(ALL, approval(APPROVED, "shop", "blog"), outdated=outdated)
    assert found == Terms(frozenset({"blog"}), {"shop": why})
    assert terms(ALL, approval(APPROVED, "shop"), sites=(SHOP,), outdated=outdated) == Refusal(
        why, final=True
    )


def test_unplanned_site_is_withheld_with_its_problem():
    plans = locked(plan("shop", MAJOR), plan("blog", problems=("web1: no connection",)))
    found = terms(ALL, approval(APPROVED, "shop"), plans=plans)
    assert found == Terms(frozenset({"shop"}), {"blog": "could not be planned: web1: no connection"})


def test_failed_plan_stops_all_but_not_majors():
    view = approval(FAILED, why="no connection")
    assert terms(ALL, view, plans=None) == Refusal("could not be planned: no connection")
    assert terms(MAJORS, replace(view, others=2), plans=None) == Terms(no_majors=True)


def test_majors_are_skipped_without_locked_plan():
    made = without_majors(plan("shop", MAJOR, MINOR))
    assert [change.action for change in made.changes] == [Action.SKIP, Action.CHANGE]


NAMES = ("shop", "blog", "new", "old")
VERSIONS = st.sampled_from(["1.9", "1.10", "2.0", "2.1"])


@given(
    rule=st.sampled_from([ALL, MAJORS, SHOPS, NONE]),
    state=st.sampled_from(ApprovalState),
    asked=st.sets(st.sampled_from(NAMES)),
    now=st.sets(st.sampled_from(NAMES), min_size=1),
    planned=st.sets(st.sampled_from(NAMES)),
    outdated=st.sets(st.sampled_from(NAMES)),
)
def test_nothing_unapproved_is_started(*, rule, state, asked, now, planned, outdated):
    """Each site of the inventory is locked, withheld or free, and only an approval locks."""
    sites = tuple(site(name, *(["shop"] if name == "shop" else [])) for name in sorted(now))
    plans = locked(*(plan(name, MAJOR) for name in sorted(planned | asked)))
    view = approval(state, *sorted(asked), others=len(now - asked), why="w")
    found = terms_of(rule, view, plans, sites, dict.fromkeys(outdated, ("changed",)))
    if isinstance(found, Refusal):
        assert found.why
        assert rule or state is DECLINED
        return
    assert found.locked | found.withheld.keys() <= now
    assert not found.locked & found.withheld.keys()
    assert set(found.withheld) != now
    if found.locked:
        assert state is APPROVED
        assert found.locked <= asked - outdated
    free = now - found.locked - found.withheld.keys()
    if rule or state is DECLINED:
        assert not free & asked
    for name in free:
        assert rule is not ALL
        assert rule is not SHOPS or name != "shop"
    assert found.no_majors is (rule is MAJORS)
