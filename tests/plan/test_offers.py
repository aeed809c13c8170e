from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import Action, Asked, CoreOffer, Extension, Offers, Policy, Release, SiteFacts, Step
from runner.plan import asked, compared
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
    return compared(replace(SITE, plugins=(entry,)), Offers({KEY: release}), vendors).plugins[0]


def proposed(entry):
    word = registry()["wordpress.plugins"]
    step = Step(id="s", kind="wordpress.plugins", options=word.options())
    (change,) = word.propose(step, replace(SITE, plugins=(entry,)))
    return change


def test_an_update_that_the_site_hides_is_planned_and_named():
    for hidden in (ACME, replace(OFFERED, hidden=True)):
        change = proposed(one(hidden))
        assert (change.action, change.to_version, change.package) == (Action.CHANGE, "1.2", NEW.package)
        assert change.note == "the site hides this update: wordpress.org offers 1.2"
    older = proposed(one(replace(OFFERED, offered="1.1")))
    assert (older.to_version, older.note) == ("1.2", "the site offers 1.1 only: wordpress.org offers 1.2")


@pytest.mark.parametrize(
    ("release", "why"),
    [
        (replace(NEW, requires_wordpress="6.9"), "needs WordPress 6.9; the site has 6.5.5"),
        (replace(NEW, requires_wordpress="6.9", package=""), "needs WordPress 6.9; the site has 6.5.5"),
        (replace(NEW, requires_php="8.4", package=""), "needs PHP 8.4; the site has 8.2"),
        (replace(NEW, package=""), "wordpress.org has no package for it"),
    ],
)
def test_a_release_that_is_not_for_this_site_is_held_for_what_it_needs(release, why):
    change = proposed(one(ACME, release))
    assert (change.action, change.why, change.note) == (Action.HOLD, why, "")


def test_an_update_that_both_know_comes_from_wordpress_org_and_has_no_note():
    lying = replace(OFFERED, package="https://downloads.wordpress.org/plugin/evil.9.9.zip")
    for entry in (OFFERED, lying):
        change = proposed(one(entry))
        assert (change.action, change.package, change.note, change.decided) == (
            Action.CHANGE, NEW.package, "", True,
        )  # fmt: skip


@pytest.mark.parametrize("release", [NEW, None])
def test_a_version_that_wordpress_org_does_not_publish_is_held(release):
    change = proposed(one(replace(OFFERED, offered="9.9"), release))
    assert (change.action, change.why) == (
        Action.HOLD, "the site offers 9.9, which wordpress.org does not publish",
    )  # fmt: skip


def test_a_premium_edition_of_a_known_item_is_held_unless_its_host_is_allowed():
    premium = replace(OFFERED, offered="9.9", package="https://vendor.example/")
    assert proposed(one(premium)).action is Action.HOLD
    allowed = one(premium, vendors=frozenset({"vendor.example"}))
    assert (proposed(allowed).action, allowed.offered) == (Action.CHANGE, "9.9")
    assert proposed(one(replace(premium, package="/srv/x/evil.zip"))).action is Action.HOLD


def test_a_private_item_stays_as_the_site_says_and_is_marked():
    private = replace(OFFERED, package="https://vendor.example/")
    change = proposed(one(private, None))
    assert change.action is Action.CHANGE
    assert change.note.startswith("unknown to wordpress.org")
    assert not change.decided


def test_without_an_answer_the_site_is_believed_and_the_plan_says_so():
    facts = compared(replace(SITE, plugins=(OFFERED,)), Offers(problem="wordpress.org could not be asked: x"))
    assert proposed(facts.plugins[0]).note == "not confirmed by wordpress.org"
    assert facts.unconfirmed == "wordpress.org could not be asked: x"


def test_an_item_that_names_another_place_for_its_updates_is_not_asked_about():
    vendor = replace(ACME, update_uri="https://vendor.example/")
    facts = replace(SITE, plugins=(ACME, replace(vendor, slug="v")))
    assert asked(facts) == (Asked("plugins", "acme/acme.php", "Acme", "", public=True),)


def test_a_hidden_update_of_what_may_be_anothers_work_is_held():
    change = proposed(one(replace(ACME, readme=False)))
    assert change.action is Action.HOLD
    assert "nothing shows that this one is from there" in change.why


def test_wordpress_itself_hidden_or_invented_is_named():
    mine = (CoreOffer("6.9", f"{ORG}/6.9.zip"), CoreOffer("6.5.6", "https://evil.example/6.5.6.zip"))
    published = (CoreOffer("6.5.6", f"{ORG}/6.5.6.zip"), CoreOffer("7.1", f"{ORG}/7.1.zip"))
    facts = compared(replace(SITE, core_offers=mine), Offers(core={"6.5.5": published}))
    assert [(offer.version, offer.package, bool(offer.untrusted)) for offer in facts.core_offers] == [
        ("6.5.6", f"{ORG}/6.5.6.zip", False),
        ("7.1", f"{ORG}/7.1.zip", False),
        ("6.9", f"{ORG}/6.9.zip", True),
    ]
    assert facts.core_offers[1].dispute == "the site hides this update: wordpress.org offers 7.1"


def test_a_package_over_http_is_held_unless_it_is_allowed_by_name():
    change = proposed(one(replace(OFFERED, package="http://vendor.example/"), None))
    assert "comes over http" in decide(change, standing()).why
    assert decide(change, standing()).action is Action.HOLD
    allowed = standing(policy=Policy(insecure_packages=frozenset({"acme"})))
    assert decide(change, allowed).action is Action.CHANGE
