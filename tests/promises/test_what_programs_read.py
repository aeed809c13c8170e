"""Promise: a byte before what programs read is found where it is new, and tolerated where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from lab.designs import install_anew
from tests.crew import Crew
from tests.promises.test_usual_rounds import SITE, changes, one_by_one, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

BOM = '"\\xEF\\xBB\\xBF"'
OWN_FEED = """add_action( 'init', function () {
	if ( isset( $_GET['podcast'] ) ) {
		header( 'Content-Type: application/rss+xml; charset=UTF-8' );
		echo %s . '<?xml version="1.0" encoding="UTF-8"?>' . "\\n"
			. '<rss version="2.0"><channel><title>What we learnt while the dough rested</title>'
			. '<link>http://bread.example/</link><description>Bread</description></channel></rss>';
		exit;
	}
} );
add_action( 'wp_head', function () {
	$url = esc_url( home_url( '/?podcast=%s' ) );
	echo "<link rel='alternate' type='application/rss+xml' href='$url'>";
} );"""


def before(what: str, hook: str, when: str = "true", order: int = 0) -> str:
    return f"add_action( '{hook}', function () {{ if ( {when} ) {{ echo {what}; }} }}, {order} );"


SITEMAP = "'' !== (string) get_query_var( 'sitemap' )"
FAULTS = {
    "a blank before the feed": before('"\\n"', "do_feed_rss2"),
    "a mark before the feed": before(BOM, "do_feed_rss2"),
    "a mark before all sitemaps": before(BOM, "template_redirect", SITEMAP),
    "a blank before the index of sitemaps": before(
        '"\\n"', "template_redirect", "'index' === get_query_var( 'sitemap' )"
    ),
    "words before the other sitemaps": before(
        "'DEBUG'", "template_redirect", f"{SITEMAP} && 'index' !== get_query_var( 'sitemap' )"
    ),
    "a mark before REST": before(BOM, "rest_api_init"),
    "a blank before wp-admin's answers": before('"\\n"', "admin_init", "wp_doing_ajax()"),
    "a feed with an entry that is no XML": "add_action( 'rss2_head', function () { echo '<a>A & B</a>'; } );",
}
OWN = {
    "a mark before a feed of its own that the front page names": (
        OWN_FEED % ("''", "named"),
        OWN_FEED % (BOM, "named"),
    ),
    "a mark before a feed of its own that the inventory names": (
        OWN_FEED.partition("add_action( 'wp_head'")[0] % "''",
        OWN_FEED.partition("add_action( 'wp_head'")[0] % BOM,
    ),
}


@pytest.fixture
def blog(fleet: Fleet) -> Iterator[Fleet]:
    fleet.catalogue.reset()
    fleet.reset(SITE)
    yield fleet
    fleet.reset(SITE)
    fleet.catalogue.reset()


def offer(fleet: Fleet, slug: str, old: str, new: str) -> None:
    fleet.catalogue.plugin(slug, "1.0", php=old)
    install_anew(fleet, SITE, slug, "1.0")
    fleet.catalogue.plugin(slug, "1.1", php=new)
    fleet.wp(SITE, "plugin", "activate", slug)


def test_what_is_new_is_found(blog: Fleet, tmp_path: Path) -> None:
    faults = {name: ("// quiet", php) for name, php in FAULTS.items()}
    slugs = {f"machine-{number:02}": name for number, name in enumerate(faults)}
    for slug, name in slugs.items():
        offer(blog, slug, *faults[name])
    crew = Crew(blog, tmp_path / "crew", one_by_one(slugs))
    said = run(crew, "one")
    found = changes(crew)
    assert {slugs[slug]: found[slug]["why"] for slug in slugs if found[slug]["outcome"] != "undone"} == {}
    assert said.code == 5, said.err


@pytest.mark.parametrize("name", OWN)
def test_a_feed_at_a_plugins_own_address_is_read_as_programs_read_it(
    blog: Fleet, tmp_path: Path, name: str
) -> None:
    offer(blog, "podcast", *OWN[name])
    crew = Crew(blog, tmp_path / "crew", one_by_one(["podcast"]))
    if "inventory" in name:
        path = f"path: {blog.sites[SITE].path}\n"
        crew.edit("inventory.yaml", path, f'{path}        pages: [/, "/?podcast=own"]\n')
    run(crew, "one")
    found = changes(crew)["podcast"]
    assert (found["outcome"], "starts with a blank or a byte order mark" in found["why"]) == (
        "undone",
        True,
    ), found


def test_what_was_so_before_is_tolerated(blog: Fleet, tmp_path: Path) -> None:
    folder = blog.sites[SITE].path / "wp-content/mu-plugins"
    noise = [php for name, php in FAULTS.items() if "index" not in name and "other" not in name]
    (folder / "noise.php").write_text("<?php\n" + "\n".join(noise))
    offer(
        blog,
        "podcast",
        OWN["a mark before a feed of its own that the front page names"][1],
        OWN_FEED % (BOM, "more"),
    )
    assert httpx.get(blog.sites[SITE].url + "/?podcast=1", timeout=20).content.startswith(b"\xef\xbb\xbf")
    crew = Crew(blog, tmp_path / "crew", one_by_one(["podcast"]))
    said = run(crew, "one")
    found = changes(crew)["podcast"]
    assert (said.code, found["outcome"], found["why"]) == (0, "changed", ""), said
