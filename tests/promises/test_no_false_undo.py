"""Promise: a good update is never taken back, however restless the site is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.batch import prepare_batch
from runner.model import Site
from runner.verify import examine, observe
from tests.crew import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
FIFTY = 50
RESTLESS = """<?php
if ( PHP_SAPI === 'cli' ) {
	return;
}
setcookie( 'visit', (string) mt_rand(), 0, '/' );
add_action( 'wp_enqueue_scripts', function () {
	wp_enqueue_style( 'restless', content_url( 'mu-plugins/restless.css' ), array(), (string) mt_rand() );
} );
add_filter( 'the_content', function ( $text ) {
	$slides = array();
	for ( $number = mt_rand( 2, 9 ); $number > 0; $number-- ) {
		$slides[] = "<img src='/slide-$number.png' alt='Slide $number'>";
	}
	shuffle( $slides );
	$parts = array(
		'<div>' . implode( $slides ) . '</div>',
		'<p>' . gmdate( 'c' ) . ' ' . microtime( true ) . '</p>',
		'<blockquote>' . str_repeat( 'Bread is a slow word. ', mt_rand( 1, 40 ) ) . '</blockquote>',
		'<input type="hidden" value="' . wp_create_nonce( (string) mt_rand() ) . '">',
		'<script>var data = "' . str_repeat( 'x', mt_rand( 0, 90000 ) ) . '";</script>',
		mt_rand( 0, 2 ) ? '' : '<aside>' . str_repeat( 'Advertisement ', 20 ) . '</aside>',
	);
	shuffle( $parts );
	if ( ! mt_rand( 0, 19 ) ) {
		usleep( 900000 );
	}
	return $text . implode( $parts );
} );
"""


@pytest.mark.parametrize("count", [10, pytest.param(FIFTY, marks=pytest.mark.long)])
def test_many_good_updates_on_a_restless_site_are_all_kept(fleet: Fleet, tmp_path: Path, count: int) -> None:
    slugs = prepare_batch(fleet, SITE, {}, count=count)
    make_restless(fleet)
    crew = Crew(
        fleet, tmp_path / "crew", f"name: Fifty\nsteps:\n  - wordpress.plugins: {{update: {list(slugs)}}}\n"
    )
    said = crew.say("run", "fifty", "-l", SITE, "--json")
    assert said.code == 0, said.err
    (step,) = crew.site(SITE)["steps"]
    outcomes = {change["item"]: (change["outcome"], change["why"]) for change in step["changes"]}
    assert outcomes == dict.fromkeys(slugs, ("changed", ""))


@pytest.mark.long
def test_verdicts_on_a_restless_site_find_nothing_worse(fleet: Fleet) -> None:
    fleet.reset(SITE)
    make_restless(fleet)
    found = fleet.sites[SITE]
    site = Site(
        name=SITE, client="acme", host=found.host, url=found.url, path=str(found.path), expect=found.expect
    )
    verdicts = [examine(site, observe(site))[1] for _ in range(FIFTY)]
    assert verdicts == [()] * FIFTY


def make_restless(fleet: Fleet) -> None:
    """Nothing on the front page is twice the same."""
    place = fleet.sites[SITE].path / "wp-content/mu-plugins"
    (place / "restless.php").write_text(RESTLESS)
    (place / "restless.css").write_text("blockquote { margin: 0 }\n")
