"""The plan of one site."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from runner.model import (
    Action,
    Client,
    CoreOffer,
    Extension,
    Playbook,
    Policy,
    Rule,
    Site,
    SiteFacts,
    SiteKind,
    Step,
    UpdateRules,
    Updates,
)
from runner.plan import PolicyInput, needs_facts, plan_site
from runner.steps import registry

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv")
CLIENT = Client(id="acme", name="Acme")
FACTS = SiteFacts(
    wordpress="6.5.5",
    php="8.2.1",
    home="http://x.example",
    siteurl="http://x.example",
    plugins=(
        Extension(slug="woo", title="Woo", version="1.0", offered="1.1", package="https://x.example/a.zip"),
        Extension(slug="seo", title="Seo", version="2.0", offered="3.0", package="https://x.example/b.zip"),
    ),
    core_offers=(
        CoreOffer("7.1.1", "https://x.example/c.zip"),
        CoreOffer("6.5.6", "https://x.example/d.zip"),
    ),
    core_checked=True,
    plugins_checked=True,
    themes_checked=True,
)


def step(kind, **options):
    return Step(id=kind, kind=kind, options=registry()[kind].options(**options))


def planned(*steps, facts=FACTS, site=SITE, policy=None, **more):
    playbook = Playbook(name="weekly", title="Weekly", steps=steps)
    inputs = PolicyInput(site=site, client=CLIENT, policy=policy or Policy(), now=NOW)
    plan = plan_site(inputs, playbook, facts, **more)
    return plan.problems, [(c.item, c.from_version, c.to_version, c.action.value) for c in plan.changes]


def test_held_major_of_core_does_not_hold_the_minor():
    _, changes = planned(step("wordpress.core", update="all"))
    assert changes == [("core", "6.5.5", "6.5.6", "change"), ("core", "6.5.5", "7.1.1", "hold")]


def test_core_goes_to_the_newest_allowed_version():
    free = Policy(updates=Updates(items={"core": UpdateRules(major=Rule())}))
    _, changes = planned(step("wordpress.core", update="all"), policy=free)
    assert changes == [("core", "6.5.5", "7.1.1", "change")]


def test_named_plugin_is_not_delayed():
    slow = Policy(updates=Updates(all=UpdateRules(minor=Rule(after=timedelta(days=7)))))
    _, named = planned(step("wordpress.plugins", update=("woo",)), policy=slow)
    _, everything = planned(step("wordpress.plugins", update="all"), policy=slow)
    assert named == [("woo", "1.0", "1.1", "change")]
    assert everything == [("woo", "1.0", "1.1", "hold"), ("seo", "2.0", "3.0", "change")]


def test_changes_of_an_unread_site_are_unknown():
    problems, changes = planned(
        step("backup"),
        step("wordpress.plugins"),
        step("wordpress.core"),
        facts=None,
        problem="the database does not answer",
    )
    assert problems == ("the database does not answer",)
    assert changes == [("plugins", "", "", "unknown"), ("core", "", "", "unknown")]


def test_site_that_does_not_start_is_blocked():
    crippled = replace(FACTS, crippled="Uncaught Error in wp-content/plugins/woo/woo.php:1")
    problems, changes = planned(step("wordpress.plugins"), facts=crippled)
    (problem,) = problems
    assert problem.endswith(
        "start with its plugins and theme: Uncaught Error in wp-content/plugins/woo/woo.php:1"
    )
    assert {action for *_, action in changes} == {Action.UNKNOWN, Action.HOLD}


def test_static_site_needs_no_facts():
    static = replace(SITE, kind=SiteKind.STATIC)
    playbook = Playbook(name="p", title="p", steps=(step("backup"), step("wordpress.plugins")))
    assert needs_facts(playbook, SITE)
    assert not needs_facts(playbook, static)
    assert planned(step("wordpress.plugins"), facts=None, site=static) == ((), [])
