from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import Action, CoreOffer, Extension, SiteFacts, Step
from runner.steps import registry

URL = "https://downloads.wordpress.org/plugin"


def plugin(slug, version="1.0", offered="1.1", **more):
    more = {"package": f"{URL}/{slug}.{offered}.zip", "title": slug, "file": f"{slug}/{slug}.php", **more}
    return Extension(slug=slug, version=version, offered=offered, **more)


FACTS = SiteFacts(
    wordpress="6.5.5",
    php="8.2.1",
    home="http://x.example",
    siteurl="http://x.example",
    core_checked=True,
    plugins_checked=True,
    themes_checked=True,
    database_version=57155,
    database_wanted=57155,
)


def propose(kind, facts, **options):
    kinds = registry()
    step = Step(id="s", kind=kind, options=kinds[kind].options(**options))
    return [(c.item, c.to_version, c.action.value, c.why) for c in kinds[kind].propose(step, facts)]


def with_plugins(*plugins, **more):
    return replace(FACTS, plugins=plugins, **more)


def test_only_newer_versions_are_proposed():
    facts = with_plugins(plugin("a"), plugin("b", offered=None), plugin("c", "1.1"), plugin("d", "2.0"))
    assert propose("wordpress.plugins", facts) == [("a", "1.1", "change", "")]
    assert propose("wordpress.plugins", facts, update="none") == []


def test_update_selects_by_size_or_name():
    facts = with_plugins(plugin("a", offered="2.0"), plugin("b"), plugin("c", offered="1.0.1"))
    assert propose("wordpress.plugins", facts, update="minor") == [
        ("a", "2.0", "skip", "a major update; this step installs `minor` updates only"),
        ("b", "1.1", "change", ""),
        ("c", "1.0.1", "change", ""),
    ]
    assert [action for *_, action, _ in propose("wordpress.plugins", facts, update="patch")] == [
        "skip",
        "skip",
        "change",
    ]
    assert propose("wordpress.plugins", facts, update=("b", "gone")) == [
        ("b", "1.1", "change", ""),
        ("gone", "", "skip", "not installed on this site"),
    ]
    assert propose("wordpress.plugins", facts, exclude=("a", "c")) == [
        ("a", "2.0", "skip", "left out by `except`"),
        ("b", "1.1", "change", ""),
        ("c", "1.0.1", "skip", "left out by `except`"),
    ]


@pytest.mark.parametrize(
    ("entry", "site", "why"),
    [
        (
            {"package": ""},
            {},
            "offered without a package to download: the licence is missing or has expired",
        ),
        ({"requires_php": "8.3"}, {}, "needs PHP 8.3; the site has 8.2.1"),
        ({"requires_php": "8.0"}, {"web_php": "7.4.33"}, "needs PHP 8.0; the site has 7.4.33"),
        (
            {"requires_php": "8.3"},
            {"web_php": "8.3.1"},
            "needs PHP 8.3; the command line of its host has 8.2.1",
        ),
        ({"requires_wordpress": "6.6"}, {}, "needs WordPress 6.6; the site has 6.5.5"),
        ({"writable": False}, {}, "this login cannot write to its folder"),
        ({"ownership": "a belongs to www-data"}, {}, "a belongs to www-data"),
        ({"link": "/srv/a"}, {}, "its folder is a link to /srv/a: update it there"),
        (
            {"file": "a.php"},
            {},
            "it is a single file; WordPress would move it to a folder and deactivate it",
        ),
        ({}, {"file_mods_allowed": False}, "the site forbids changes to its files (DISALLOW_FILE_MODS)"),
        ({}, {"maintenance": True}, "the site is already in maintenance mode (.maintenance)"),
        ({}, {"unwritable": ("plugins",)}, "this login cannot write to the plugins' folder"),
        ({}, {"unwritable": ("upgrade",)}, "this login cannot write to wp-content/upgrade"),
        (
            {},
            {"file_method": "ftpext"},
            "WordPress cannot write its files as this login (it would ask for FTP credentials)",
        ),
    ],
)
def test_impossible_update_is_held_with_its_reason(entry, site, why):
    facts = with_plugins(plugin("a", **entry), **site)
    assert propose("wordpress.plugins", facts) == [("a", "1.1", "hold", why)]


def test_core_is_held_if_owner_cannot_be_kept():
    offers = (CoreOffer("6.5.6", "https://downloads.wordpress.org/release/wordpress-6.5.6.zip"),)
    facts = replace(FACTS, core_checked=True, core_offers=offers)
    assert [action for _, _, action, _ in propose("wordpress.core", facts)] == ["change"]
    foreign = replace(facts, core_ownership="wp-admin belongs to www-data")
    assert propose("wordpress.core", foreign) == [("core", "6.5.6", "hold", "wp-admin belongs to www-data")]


@pytest.mark.parametrize(
    ("kind", "item"),
    [("wordpress.plugins", "plugins"), ("wordpress.themes", "themes"), ("wordpress.core", "core")],
)
def test_missing_answer_is_unknown(kind, item):
    unasked = replace(FACTS, core_checked=False, plugins_checked=False, themes_checked=False)
    assert propose(kind, unasked) == [
        (item, "", "unknown", "no answer from wordpress.org, so newer versions are not known")
    ]


def test_earlier_offer_is_unknown_during_outage():
    vendor = plugin("pro", package="https://vendor.example/")
    found = propose("wordpress.plugins", with_plugins(plugin("a"), vendor, plugins_checked=False))
    assert [(item, action) for item, _, action, _ in found] == [
        ("plugins", "unknown"),
        ("a", "unknown"),
        ("pro", "change"),
    ]


def test_crippled_site_is_not_updated():
    facts = with_plugins(plugin("a"), crippled="Uncaught Error in wp-content/plugins/b/b.php:1")
    assert {action for *_, action, _ in propose("wordpress.plugins", facts)} == {"unknown", "hold"}


OFFERS = tuple(
    CoreOffer(v, "https://downloads.wordpress.org/c.zip") for v in ("7.1.1", "6.5.6", "6.5.7", "6.4.9")
)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("minor", ["6.5.7"]),
        ("patch", ["6.5.7"]),
        ("all", ["6.5.7", "7.1.1"]),
        ("7.1.1", ["7.1.1"]),
        ("6.5.5", []),
        ("none", []),
    ],
)
def test_core_offers_are_picked_by_branch(update, expected):
    found = propose("wordpress.core", replace(FACTS, core_offers=OFFERS), update=update)
    assert [(to, action) for _, to, action, _ in found] == [(to, "change") for to in expected]


def test_core_version_not_offered_is_unknown():
    found = propose("wordpress.core", replace(FACTS, core_offers=OFFERS), update="6.8")
    assert found == [("core", "", "unknown", "wordpress.org does not offer WordPress 6.8 to this site")]


def test_database_is_proposed_only_if_behind():
    assert propose("wordpress.database", FACTS) == []
    behind = replace(FACTS, database_wanted=61833)
    assert propose("wordpress.database", behind) == [("database", "61833", "change", "")]
    ahead = replace(FACTS, database_version=61833)
    assert propose("wordpress.database", ahead)[0][2] == Action.HOLD


@pytest.mark.parametrize("update", ["major", "6", "6.5.5.1", "latest", ""])
def test_invalid_core_update_is_rejected(update):
    with pytest.raises(ValueError, match="is not one of minor, patch, all and none, or a version"):
        registry()["wordpress.core"].options(update=update)


def test_first_release_of_branch_accepts_a_zero():
    offers = (CoreOffer("6.6", "https://downloads.wordpress.org/release/wordpress-6.6.zip"),)
    facts = replace(FACTS, core_offers=offers)
    assert [version for _, version, *_ in propose("wordpress.core", facts, update="6.6.0")] == ["6.6"]
    assert propose("wordpress.core", replace(facts, wordpress="6.6"), update="6.6.0") == []
