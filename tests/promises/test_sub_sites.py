"""Promise: the sites of a network are looked at too, those first on which something changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.gauntlet import SLUG
from lab.shell import run
from lab.zips import write_zip
from tests.crew import Crew
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "globex-network"
PLUGIN = f"wp-content/plugins/{SLUG}/{SLUG}.php"
BAD = "add_action( 'template_redirect', function () { weathervane_is_missing(); } );"


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """A crew that looks after a network on whose site `berlin` alone a plugin is active."""
    url = fleet.need(SITE).url
    fleet.catalogue.reset()
    fleet.catalogue.plugin(SLUG, "1.0")
    fleet.install(SITE, "plugins", SLUG, "1.0")
    fleet.wp(SITE, "plugin", "activate", SLUG, f"--url={url}/berlin/")
    yield with_the_network(fleet, url, tmp_path / "crew")
    fleet.need(SITE)
    fleet.catalogue.reset()


def with_the_network(fleet: Fleet, url: str, folder: Path) -> Crew:
    spec = fleet.spec.site(SITE)
    crew = Crew(fleet, folder, ONE)
    lines = (
        f"{SITE}:",
        f"  url: {url}",
        f"  host: {spec.host}",
        f"  path: {fleet.spec.path(spec)}",
        "  tags: [network]",
    )
    text = "".join(f"      {line}\n" for line in lines)
    crew.edit("inventory.yaml", "      globex-www:\n", f"{text}      globex-www:\n")
    return crew


def test_what_breaks_a_sub_site_alone_is_taken_back(fleet: Fleet, crew: Crew) -> None:
    url, plugin = fleet.spec.url(fleet.spec.site(SITE)), fleet.spec.path(fleet.spec.site(SITE)) / PLUGIN
    berlin = f"{url}/berlin"
    languages = files_of(plugin.parents[2] / "languages")
    fleet.catalogue.plugin(SLUG, "1.1", php=BAD)
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 5, said
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], f"{berlin}: answers 500" in change["why"]) == ("undone", True), change
    assert "Version: 1.0" in plugin.read_text()
    assert httpx.get(f"{berlin}/").status_code == 200
    looked = {look["url"] for look in crew.site(SITE)["looks"] if look["signal"] == "sub-site"}
    names = ("berlin", "lyon", "osaka")
    assert {one for one in looked if one.count("/") == 3} == {f"{url}/{name}" for name in names}
    assert f"{berlin}/wp-admin/admin-ajax.php?action=sitecrew_look" in looked

    fleet.catalogue.plugin(SLUG, "1.2")
    assert crew.say("run", "one", "-l", SITE).code == 0
    assert "Version: 1.2" in plugin.read_text()
    assert files_of(plugin.parents[2] / "languages") == languages, "translations are a step of their own"


PRO = "weathervane-pro"
HEAD = "<?php\n/**\n * Plugin Name: Pro\n * Version: %s\n * Update URI: https://vendor.example/\n */\n"
UPDATER = """
add_filter( 'site_transient_update_plugins', function ( $known ) {
	if ( is_object( $known ) ) {
		$known->response['%s/%s.php'] = (object) array(
			'slug' => '%s', 'new_version' => '1.1', 'package' => '%s',
		);
	}
	return $known;
} );
"""


@pytest.mark.long
def test_a_vendors_update_is_offered_and_done_where_its_plugin_is_active_on_a_sub_site_only(
    fleet: Fleet, crew: Crew
) -> None:
    url, docs = fleet.spec.url(fleet.spec.site(SITE)), fleet.sites["globex-docs"]
    plugins = (fleet.spec.path(fleet.spec.site(SITE)) / PLUGIN).parents[1]
    place = plugins / f"{PRO}/{PRO}.php"
    package = f"{docs.url}/pro.zip"
    code = UPDATER % (PRO, PRO, PRO, package)
    place.parent.mkdir()
    place.write_text(HEAD % "1.0" + code)
    run("chown", "-R", f"{plugins.owner()}:{plugins.group()}", place.parent)
    write_zip(docs.path / "pro.zip", [(f"{PRO}/{PRO}.php", (HEAD % "1.1" + code).encode())], stamp="pro 1.1")
    fleet.wp(SITE, "plugin", "activate", PRO, f"--url={url}/lyon/")
    crew.playbook("pro", f"name: Pro\nsteps:\n  - wordpress.plugins: {{update: [{PRO}]}}\n")
    crew.settings(f"policy: {{insecure_packages: [{PRO}]}}\n")
    try:
        planned = crew.say("plan", "pro", "-l", SITE)
        assert f"{PRO}  1.0 -> 1.1" in planned.out, planned
        said = crew.say("run", "pro", "-l", SITE)
        assert said.code == 0, (said, crew.site(SITE)["steps"])
        assert "Version: 1.1" in place.read_text()
    finally:
        (docs.path / "pro.zip").unlink()


SITES = """
add_filter( 'sanitize_user', function ( $clean, $raw ) { return $raw; }, 10, 2 );
foreach ( json_decode( '%s' ) as $one ) {
	$more = array( 'title' => $one[1], 'user_id' => 1 );
	$made = wp_insert_site( array( 'domain' => $one[0], 'path' => $one[1] ) + $more );
	if ( is_wp_error( $made ) ) { WP_CLI::error( $made ); }
	echo $made, "\\n";
}
"""


def more_sites(fleet: Fleet, *sites: tuple[str, str]) -> list[str]:
    """Sites that the network gets, by address and path; their numbers."""
    return fleet.wp(SITE, "eval", SITES % json.dumps(sites)).split()


@pytest.mark.long
def test_a_mapped_domain_among_many_sites_is_looked_at_where_the_item_is_active_there_alone(
    fleet: Fleet, crew: Crew
) -> None:
    spec = fleet.spec.site(SITE)
    own, mapped = f"{fleet.spec.address(spec.host)}:{spec.port}", f"{fleet.spec.network}.77:{spec.port}"
    more_sites(fleet, *((own, f"/branch-{number}/") for number in range(30)))
    more_sites(fleet, (mapped, "/"))
    fleet.web.domains[SITE] = (mapped,)
    fleet.web.start_nginx()
    fleet.wp(SITE, "plugin", "deactivate", SLUG, f"--url=http://{own}/berlin/")
    fleet.wp(SITE, "plugin", "activate", SLUG, f"--url=http://{mapped}/")
    crew.edit("inventory.yaml", f"      {SITE}:\n", f"      {SITE}:\n        private: true\n")
    fleet.catalogue.plugin(SLUG, "1.1", php=BAD)
    try:
        said = crew.say("run", "one", "-l", SITE)
        assert said.code == 5, said
        [change] = crew.site(SITE)["steps"][0]["changes"]
        assert f"http://{mapped}: answers 500" in change["why"], change
        assert httpx.get(f"http://{mapped}/").status_code == 200
        looked = {look["url"] for look in crew.site(SITE)["looks"] if look["signal"] == "sub-site"}
        assert len(looked) == 12
    finally:
        del fleet.web.domains[SITE]
        fleet.web.start_nginx()


@pytest.mark.long
def test_sites_that_are_closed_for_good_are_not_looked_at(fleet: Fleet, crew: Crew) -> None:
    spec = fleet.spec.site(SITE)
    own = f"{fleet.spec.address(spec.host)}:{spec.port}"
    numbers = more_sites(fleet, (own, "/archived/"), (own, "/deleted/"), (own, "/spam/"))
    for word, number in zip(("archive", "deactivate", "spam"), numbers, strict=True):
        fleet.wp(SITE, "site", word, number)
    fleet.catalogue.plugin(SLUG, "1.1")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 0, said
    looked = {look["url"] for look in crew.site(SITE)["looks"] if look["signal"] == "sub-site"}
    assert looked == {f"http://{own}/{name}" for name in ("berlin", "lyon", "osaka")}
