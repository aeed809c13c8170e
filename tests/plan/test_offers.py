"""Offers of a site are compared with wordpress.org."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import Action, Asked, CoreOffer, Extension, Offers, Policy, Release, SiteFacts, Step
from runner.plan import confirm_offers, items_to_query
from runner.plan.policy import decide
from runner.steps import registry
from tests.plan.test_policy import standing

ORG = "https://downloads.wordpress.org/plugin"
NEW = Release(version="1.2", package=f"{ORG}/acme.1.2.zip")
ACME = Extension(slug="acme", title="Acme", version="1.0", file="acme/acme.php")
OFFERED = replace(ACME, offered="1.2", package=f"{ORG}/acme.1.2.zip")
KEY = ("plugins", "acme/acme.php")
SITE = SiteFacts(
    wordpress="6.5.5", php="8.2", home="http://x", siteurl="http://x", plugins_checked=True, core_checked=True
)


def one(entry, release=NEW, vendors=frozenset()):
    return confirm_offers(replace(SITE, plugins=(entry,)), Offers({KEY: release}), vendors).plugins[0]


def proposed(entry):
    word = registry()["wordpress.plugins"]
    step = Step(id="s", kind="wordpress.plugins", options=word.options())
    (change,) = word.propose(step, replace(SITE, plugins=(entry,)))
    return change


def test_hidden_update_is_planned_with_a_note():
    for hidden in (ACME, replace(OFFERED, hidden=True)):
        change = proposed(one(hidden))
        assert (change.action, change.to_version, change.package) == (Action.CHANGE, "1.2", NEW.package)
        assert change.note == "the site hides this update: wordpress.org offers 1.2"
    older = proposed(one(replace(OFFERED, offered="1.1")))
    assert (older.to_version, older.note) == ("1.2", "the site offers only 1.1: wordpress.org offers 1.2")


@pytest.mark.parametrize(
    ("release", "why"),
    [
        (replace(NEW, requires_wordpress="6.9"), "needs WordPress 6.9; the site has 6.5.5"),
        (replace(NEW, requires_wordpress="6.9", package=""), "needs WordPress 6.9; the site has 6.5.5"),
        (replace(NEW, requires_php="8.4", package=""), "needs PHP 8.4; the site has 8.2"),
        (replace(NEW, package=""), "wordpress.org has no package for it"),
    ],
)
def test_release_with_unmet_requirements_is_held(release, why):
    change = proposed(one(ACME, release))
    assert (change.action, change.why, change.note) == (Action.HOLD, why, "")


def test_confirmed_update_comes_from_wordpress_org():
    lying = replace(OFFERED, package="https://downloads.wordpress.org/plugin/evil.9.9.zip")
    for entry in (OFFERED, lying):
        change = proposed(one(entry))
        assert (change.action, change.package, change.note, change.decided) == (
            Action.CHANGE, NEW.package, "", True,
        )  # fmt: skip


@pytest.mark.parametrize("release", [NEW, None])
def test_unpublished_version_is_held(release):
    change = proposed(one(replace(OFFERED, offered="9.9"), release))
    assert (change.action, change.why) == (
        Action.HOLD, "the site offers 9.9, which wordpress.org does not publish",
    )  # fmt: skip


def test_premium_edition_is_held_unless_its_host_is_allowed():
    premium = replace(OFFERED, offered="9.9", package="https://vendor.example/")
    assert proposed(one(premium)).action is Action.HOLD
    allowed = one(premium, vendors=frozenset({"vendor.example"}))
    assert (proposed(allowed).action, allowed.offered) == (Action.CHANGE, "9.9")
    assert proposed(one(replace(premium, package="/srv/x/evil.zip"))).action is Action.HOLD


def test_private_item_is_planned_with_a_note():
    private = replace(OFFERED, package="https://vendor.example/")
    change = proposed(one(private, None))
    assert change.action is Action.CHANGE
    assert change.note.startswith("unknown to wordpress.org")
    assert not change.decided


def test_unconfirmed_offer_is_planned_with_a_note():
    facts = confirm_offers(
        replace(SITE, plugins=(OFFERED,)), Offers(problem="wordpress.org could not be reached: x")
    )
    assert proposed(facts.plugins[0]).note == "not confirmed by wordpress.org"
    assert facts.unconfirmed == "wordpress.org could not be reached: x"


def test_item_with_another_update_source_is_not_asked():
    vendor = replace(ACME, update_uri="https://vendor.example/")
    facts = replace(SITE, plugins=(ACME, replace(vendor, slug="v")))
    assert items_to_query(facts) == (Asked("plugins", "acme/acme.php", "Acme", "", public=True),)


def test_hidden_update_of_a_foreign_item_is_held():
    change = proposed(one(replace(ACME, readme=False)))
    assert change.action is Action.HOLD
    assert "nothing shows that this one is from there" in change.why


def test_hidden_and_fake_core_versions_are_marked():
    mine = (CoreOffer("6.9", f"{ORG}/6.9.zip"), CoreOffer("6.5.6", "https://evil.example/6.5.6.zip"))
    published = (CoreOffer("6.5.6", f"{ORG}/6.5.6.zip"), CoreOffer("7.1", f"{ORG}/7.1.zip"))
    facts = confirm_offers(replace(SITE, core_offers=mine), Offers(core={"6.5.5": published}))
    assert [(offer.version, offer.package, bool(offer.untrusted)) for offer in facts.core_offers] == [
        ("6.5.6", f"{ORG}/6.5.6.zip", False),
        ("7.1", f"{ORG}/7.1.zip", False),
        ("6.9", f"{ORG}/6.9.zip", True),
    ]
    assert facts.core_offers[1].dispute == "the site hides this update: wordpress.org offers 7.1"


def test_package_over_http_is_held_unless_allowed():
    change = proposed(one(replace(OFFERED, package="http://vendor.example/"), None))
    assert "downloaded over plain http" in decide(change, standing()).why
    assert decide(change, standing()).action is Action.HOLD
    allowed = standing(policy=Policy(insecure_packages=frozenset({"acme"})))
    assert decide(change, allowed).action is Action.CHANGE
