"""Promise: what an object cache has kept of an update that was taken back is not what the site runs with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.gauntlet import SLUG, Case, prepare
from lab.object_cache import answering, object_cache
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

SITE = "acme-blog"
PHP_INI = "/etc/php/8.2/cli/conf.d"
QUIET = "add_action( 'wp_footer', function () { echo '<!-- weathervane -->'; } );"
PLAYBOOK = f"name: Update\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"
READS = """
add_action( 'template_redirect', function () {
	if ( 'bad' === get_option( 'weathervane_mode' ) ) { weathervane_is_missing(); }
} );
"""
SETS = "add_action( 'init', function () { update_option( 'weathervane_mode', 'bad' ); }, 1 );"


def crew_with(fleet: Fleet, folder: Path, new: str) -> Crew:
    """A site whose plugin dies where an option is bad, and an update of it."""
    prepare(fleet, SITE, Case(name="option", expected="undone", old=READS, php=new))
    return Crew(fleet, folder / "crew", PLAYBOOK)


def status(fleet: Fleet) -> int:
    return httpx.get(f"{fleet.sites[SITE].url}/", timeout=20).status_code


def test_options_that_go_back_go_back_in_redis_too(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS + SETS)
    with object_cache(fresh_fleet, SITE) as redis:
        assert status(fresh_fleet) == 200
        assert "acme-blog:options:alloptions" in redis.say("keys", "*"), "or nothing is tried here"
        said = crew.say("run", "update", "-l", SITE)
        assert (said.code, status(fresh_fleet)) == (5, 200), (said, crew.site(SITE)["why"])
        assert fresh_fleet.sql(SITE, "SELECT 1 FROM wp_options WHERE option_name = 'weathervane_mode'") == ""


def test_a_good_update_is_kept_with_redis(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS)
    with object_cache(fresh_fleet, SITE):
        said = crew.say("run", "update", "-l", SITE)
        assert (said.code, status(fresh_fleet)) == (0, 200), said
        assert "caches cleared: object cache" in said.err


def test_an_undo_by_hand_with_the_database_reaches_redis(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, QUIET + SETS)
    with object_cache(fresh_fleet, SITE):
        assert crew.say("run", "update", "-l", SITE).code == 0
        assert status(fresh_fleet) == 200
        assert fresh_fleet.wp(SITE, "option", "get", "weathervane_mode").strip() == "bad"
        said = crew.say("undo", "last", "-y", "--database")
        assert (said.code, status(fresh_fleet)) == (0, 200), said


def test_a_site_that_cannot_do_without_its_redis_is_left_alone(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS)
    with object_cache(fresh_fleet, SITE, manners="strict") as redis:
        redis.stop()
        said = crew.say("run", "update", "-l", SITE)
        assert said.code not in {0, 5}, said
        assert "connection to the object cache" in crew.site(SITE)["why"]
        assert "Version: 1.0" in plugin(fresh_fleet)
        assert "connection to the object cache" in crew.say("doctor", "-l", SITE).out


def test_a_site_that_can_do_without_its_redis_is_updated(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS)
    with object_cache(fresh_fleet, SITE) as redis:
        redis.stop()
        assert crew.say("run", "update", "-l", SITE).code == 0
        assert "Version: 1.1" in plugin(fresh_fleet)


def test_objects_in_the_memory_of_php_fpm_are_said_to_be_out_of_reach(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS)
    why = "object cache: it is stored in the memory of the web server's PHP"
    with object_cache(fresh_fleet, SITE, backend="apcu"):
        assert why in crew.say("doctor", "-l", SITE).out
        said = crew.say("run", "update", "-l", SITE)
        assert said.code == 0, said
        assert f"caches could not be cleared: {why}" in crew.site(SITE)["steps"][0]["why"]
        assert "caches cleared: object cache" not in said.err


def test_a_command_of_the_site_empties_the_memory_of_php_fpm(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS + SETS)
    purge_by(crew, answering(fresh_fleet, SITE, "apcu_clear_cache()"))
    with object_cache(fresh_fleet, SITE, backend="apcu"):
        assert status(fresh_fleet) == 200
        said = crew.say("run", "update", "-l", SITE)
        assert (said.code, status(fresh_fleet)) == (5, 200), (said, crew.site(SITE)["why"])
        assert "out of reach" not in crew.say("doctor", "-l", SITE).out


def test_an_extension_that_the_command_line_lacks_is_named(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_with(fresh_fleet, tmp_path, READS)
    use_php_without(crew, "redis")
    with object_cache(fresh_fleet, SITE):
        doctor = crew.say("doctor", "-l", SITE).out
        assert "PHP on the command line lacks redis, which the web server's PHP has" in doctor
        assert crew.say("run", "update", "-l", SITE).code == 0
        why = "object cache: PHP on the command line lacks redis, which visitors' PHP has"
        assert f"caches could not be cleared: {why}" in crew.site(SITE)["steps"][0]["why"]


def use_php_without(crew: Crew, extension: str) -> None:
    """The host's PHP for the command line has its own folder of settings, as on Debian, with one less."""
    fleet, name = crew.fleet, crew.fleet.sites[SITE].host
    folder = fleet.spec.root / "etc/php-less"
    folder.mkdir(exist_ok=True)
    for ini in Path(PHP_INI).glob("*.ini"):
        (folder / ini.name).write_text("" if extension in ini.name else ini.read_text())
    wrapper = fleet.spec.home(name) / "php-less"
    wrapper.write_text(f'#!/bin/sh\nPHP_INI_SCAN_DIR={folder}:{fleet.spec.root / "etc/php"} exec php "$@"\n')
    wrapper.chmod(0o755)
    crew.edit(
        "inventory.yaml",
        f"user: {fleet.spec.user(name)}\n",
        f"user: {fleet.spec.user(name)}\n    php: {wrapper}\n",
    )


def purge_by(crew: Crew, command: str) -> None:
    path = f"path: {crew.fleet.sites[SITE].path}\n"
    crew.edit("inventory.yaml", path, f"{path}        purge: {command}\n")


def plugin(fleet: Fleet) -> str:
    return (fleet.sites[SITE].path / f"wp-content/plugins/{SLUG}/{SLUG}.php").read_text()
