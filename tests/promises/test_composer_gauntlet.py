"""Promise: on Bedrock by Composer, no update leaves a site broken, and a good one is never taken back."""

from __future__ import annotations

import shutil
from itertools import count
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.composer import as_composed, repository
from lab.gauntlet import CASES, SLUG, WORST
from lab.ownership import owned
from tests.crew import Crew, check_nobody_is_left

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet
    from lab.ownership import Owned

pytestmark = [pytest.mark.fleet, pytest.mark.long]

SITE = "acme-blog"
GOOD = (
    "",
    "add_action( 'wp_footer', function () { echo '<!-- another comment -->'; } );",
    "add_action( 'wp_footer', function () { echo '<p>Quote ' . wp_rand() . '</p>'; } );",
    "add_filter( 'the_title', function ( $title ) { return $title . '.'; } );",
    "add_action( 'admin_menu', function () {} ); register_activation_hook( __FILE__, 'missing' );",
    "if ( PHP_SAPI === 'cli' ) { echo \"HELLO\\n\"; }",
    "add_action( 'init', function () { update_option( 'weathervane', '2' ); } );",
    "add_filter( 'rest_index', function ( $said ) { $said->data['w'] = 1; return $said; } );",
    "add_action( 'wp_head', function () { echo '<style>.w { color: red }</style>'; } );",
    "add_action( 'init', function () { usleep( wp_rand( 0, 100000 ) ); } );",
)
NUMBERS = count(1)


@pytest.fixture(scope="module")
def bedrock(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crew, Path]]:
    """One site for all cases: what was taken back is as it was, and each case is a newer version."""
    fleet.up()
    fleet.catalogue.reset()
    fleet.reset(SITE)
    web = fleet.sites[SITE].path
    fleet.catalogue.plugin(SLUG, "1.0")
    require = {"roots/wordpress": "7.1.1", f"wpackagist-plugin/{SLUG}": "^1.0"}
    with repository(fleet.catalogue) as source:
        project = as_composed(fleet, SITE, source, require)
        fleet.wp(SITE, "plugin", "activate", SLUG)
        playbook = f"name: Gauntlet\nsteps:\n  - wordpress.composer: [{SLUG}]\n"
        crew = Crew(fleet, tmp_path_factory.mktemp("gauntlet") / "crew", playbook)
        crew.edit("inventory.yaml", f"path: {web}", f"path: {project / 'web/wp'}")
        yield crew, project
    web.unlink()
    shutil.rmtree(web.with_name(f"{web.name}-project"), ignore_errors=True)
    fleet.processes.stop("php-fpm")  # PHP remembers for minutes where a link led
    fleet.up()
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.parametrize("name", WORST, ids=lambda name: name.replace(" ", "-"))
def test_the_worst_updates_are_taken_back_whole(fleet: Fleet, bedrock: tuple[Crew, Path], name: str) -> None:
    crew, project = bedrock
    case = next(case for case in CASES if case.name == name)
    fleet.catalogue.plugin(SLUG, f"1.{next(NUMBERS)}", php=case.php)
    before = tree(project)
    said = crew.say("run", "gauntlet", "-l", SITE)
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], said.code) == ("undone", 5), (said, change)
    assert case.because in change["why"]
    after = tree(project)
    assert {name for name in before | after if before.get(name) != after.get(name)} == set()
    check_well(fleet, project)


@pytest.mark.parametrize("php", GOOD, ids=range(len(GOOD)))
def test_good_updates_are_kept(fleet: Fleet, bedrock: tuple[Crew, Path], php: str) -> None:
    crew, project = bedrock
    version = f"1.{next(NUMBERS)}"
    fleet.catalogue.plugin(SLUG, version, php=php)
    said = crew.say("run", "gauntlet", "-l", SITE)
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], change["to"], said.code) == ("changed", version, 0), (said, change)
    assert f'"version": "{version}"' in (project / "composer.lock").read_text()
    check_well(fleet, project)


def check_well(fleet: Fleet, project: Path) -> None:
    """As visitors, wp-admin and REST have it; and nothing is left of our work."""
    site = fleet.sites[SITE]
    page = httpx.get(site.url, timeout=20)
    assert page.status_code == 200
    assert site.expect in page.text
    assert "</html>" in page.text
    assert httpx.get(f"{site.url}/?rest_route=/", timeout=20).json()
    assert httpx.get(f"{site.url}/wp/wp-admin/admin-ajax.php?action=x", timeout=20).status_code == 400
    assert not (project / "web/wp/.maintenance").exists()
    assert not list((project / "web/app").glob(".sitecrew-*/*.bad"))
    check_nobody_is_left(fleet, site.host)


def tree(project: Path) -> dict[str, Owned]:
    """Every file and folder but uploads and what WordPress works with."""
    places = ("web/app/uploads", "web/app/upgrade", "web/app/cache")
    return {name: one for name, one in owned(project).items() if not name.startswith(places)}
