from __future__ import annotations

import json
from dataclasses import replace

from runner.model import Extension, Outcome, Step, SubSite
from runner.steps import registry
from tests.steps.test_real_wordpress import patch_plugin, told
from tests.steps.wordpress_sites import FACTS

WPORG = "https://downloads.wordpress.org/plugin/a.zip"
ASKED = replace(FACTS, core_checked=True, plugins_checked=True, themes_checked=True)


def network_of(*versions, **more):
    sites = tuple(
        SubSite(id=n, url=f"http://x.example/{n}", database_version=v) for n, v in enumerate(versions)
    )
    return replace(ASKED, network=sites, network_size=len(sites), multisite=True, **more)


def propose(kind, facts, **options):
    word = registry()[kind]
    step = Step(id="s", kind=kind, options=word.options(**options))
    return [(c.item, c.from_version, c.action.value, c.why) for c in word.propose(step, facts)]


def plugin(slug, **more):
    return Extension(
        **{
            "slug": slug,
            "title": slug,
            "version": "1.0",
            "offered": "1.1",
            "file": f"{slug}/{slug}.php",
            "package": WPORG,
            **more,
        }
    )


def test_network_is_behind_if_one_database_is():
    assert propose("wordpress.database", network_of(2, 2, database_wanted=2)) == []
    assert propose("wordpress.database", network_of(2, 1, database_wanted=2)) == [
        ("database", "1", "change", "")
    ]


def test_sub_site_in_inventory_is_noted():
    sub = network_of(1, 1, database_wanted=2, sub_site="http://x.example/1")
    note, _ = propose("wordpress.database", sub)
    assert note == (
        "network",
        "",
        "skip",
        ("`url` is the sub-site http://x.example/1 of a network of 2: this step changes all 2 sites"),
    )
    unknown = replace(sub, sub_site="unknown", plugins=(plugin("a"),))
    note, change = propose("wordpress.plugins", unknown)
    assert note[3].startswith("`url` is not one of the 2 sites of this network")
    assert change[:3] == ("a", "1.0", "change")


def test_hidden_update_is_held_with_reason():
    [(_, _, action, why)] = propose("wordpress.plugins", replace(ASKED, plugins=(plugin("a", hidden=True),)))
    assert action == "hold"
    assert why.startswith("the site hides this update from WordPress")


def test_private_plugin_is_updated_only_by_name():
    facts = replace(ASKED, plugins=(plugin("a", foreign=True),))
    [(_, _, action, why)] = propose("wordpress.plugins", facts)
    assert (action, why[:46]) == ("hold", "wordpress.org has an item of this name, but no")
    assert propose("wordpress.plugins", facts, update=("a",)) == [("a", "1.0", "change", "")]


def test_inactive_vendor_plugin_is_skipped():
    silent = plugin("pro", offered=None, package=None, update_uri="https://vendor.example/")
    assert propose("wordpress.plugins", replace(ASKED, plugins=(silent, plugin("b", offered=None)))) == [
        (
            "pro",
            "1.0",
            "skip",
            "its vendor (https://vendor.example/) is queried for updates only while it is active",
        )
    ]
    active = replace(silent, active=True)
    assert propose("wordpress.plugins", replace(ASKED, plugins=(active,))) == []


def test_one_boot_reads_all_sites_of_a_network(network):
    network.wp("plugin", "activate", "tidewater-hours", sub="lyon")
    network.wp("theme", "enable", "millstone", "--network")
    network.wp("theme", "activate", "millstone", sub="berlin")
    network.wp("site", "archive", "4")
    facts = network.facts()
    url = network.site.url
    assert [site.url for site in facts.network] == [url, f"{url}/berlin", f"{url}/lyon"]
    assert (facts.network_size, facts.multisite, facts.sub_site) == (3, True, "")
    assert {site.database_version for site in facts.network} == {facts.database_wanted}
    active = {p.slug: (p.active, p.network) for p in facts.plugins}
    assert active == {
        "copper-crumbs": (True, False),
        "harbour-forms": (True, True),
        "lantern-gallery": (False, False),
        "tidewater-hours": (True, False),
    }
    assert {t.slug for t in facts.themes if t.active} == {"ferry-landing", "millstone"}
    for address, expected in ((f"{url}/lyon/", f"{url}/lyon"), (f"{url}/nowhere/", "unknown")):
        network.address = address
        assert network.facts().sub_site == expected


def test_network_plugins_are_updated_once(network):
    network.wp("plugin", "activate", "tidewater-hours", sub="lyon")
    done = network.step("wordpress.plugins")
    assert told(done) == dict.fromkeys(
        ("harbour-forms", "lantern-gallery", "tidewater-hours"), ("changed", "")
    )
    assert "tidewater-hours" in network.wp("plugin", "list", "--status=active", "--field=name", sub="lyon")
    assert "tidewater-hours" not in network.wp("plugin", "list", "--status=active", "--field=name")


def test_core_update_upgrades_every_network_database(network):
    done = network.step("wordpress.core", update="all", plan=lambda changes: changes[-1:])
    assert (done.outcome, done.why) == (Outcome.CHANGED, "")
    facts = network.facts()
    assert set(facts.databases) == {facts.database_wanted}
    assert len(facts.databases) == 4


def test_outdated_sub_site_database_is_upgraded_or_named(network):
    behind = "update wp_3_options set option_value = 57000 where option_name = 'db_version'"
    network.fleet.sql(network.name, behind)
    done = network.step("wordpress.database")
    assert (told(done), done.changes[0].title) == ({"database": ("changed", "")}, "Databases of 1 of 4 sites")
    network.fleet.sql(network.name, behind)
    stubborn = (
        "<?php add_filter( 'pre_update_option_db_version', function ( $new, $old ) { return $old; }, 10, 2 );"
    )
    (network.path / "wp-content/mu-plugins/stubborn.php").write_text(stubborn)
    done = network.step("wordpress.database")
    assert done.outcome is Outcome.FAILED
    assert "/lyon is at 57000, WordPress requires 57155" in done.why


def test_updates_hidden_by_a_plugin_are_held(bakery):
    for code in (
        (
            "add_filter( 'pre_site_transient_update_plugins', function () { "
            "return (object) array( 'last_checked' => time(), 'response' => array() ); } );"
        ),
        (
            "add_filter( 'site_transient_update_plugins', function ( $t ) { "
            "if ( is_object( $t ) ) unset( $t->response['harbour-forms/harbour-forms.php'] ); return $t; } );"
        ),
        (
            "add_filter( 'pre_set_site_transient_update_plugins', function ( $t ) { "
            "if ( is_object( $t ) ) unset( $t->response['harbour-forms/harbour-forms.php'] ); return $t; } );"
        ),
    ):
        hider = bakery.path / "wp-content/mu-plugins/hide.php"
        hider.write_text(f"<?php {code}")
        facts = bakery.facts()
        assert facts.plugins_checked
        offered = {p.slug: (p.offered, p.hidden) for p in facts.plugins}
        hidden = not code.startswith("add_filter( 'pre_site")
        assert offered["harbour-forms"] == ("1.8.3", hidden), code
        assert offered["lantern-gallery"] == ("2.4.1", False)


def test_private_and_vendor_plugins_are_recognised(bakery):
    plugins = bakery.path / "wp-content/plugins"
    (plugins / "harbour-forms/readme.txt").unlink()
    offer = json.dumps({"new_version": "9.0", "package": "https://vendor.example/get?licence=s3cr3t"})
    patch_plugin(
        bakery,
        "copper-crumbs",
        "add_filter( 'site_transient_update_plugins', function ( $t ) { if ( is_object( $t ) ) "
        f"$t->response['copper-crumbs/copper-crumbs.php'] = json_decode( '{offer}' ); return $t; }} );",
    )
    facts = bakery.facts()
    assert not any(theme.foreign for theme in facts.themes)
    found = {p.slug: (p.foreign, p.hidden) for p in facts.plugins}
    assert found["harbour-forms"] == (True, False)
    assert found["copper-crumbs"] == (False, False)
    assert found["lantern-gallery"] == (False, False)
    held = bakery.step("wordpress.plugins", update="all", exclude=("copper-crumbs", "akismet"))
    assert told(held)["harbour-forms"][0] == "held"
