"""Promise: what is held is held against WordPress's own automatic updates too, or is said not to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from tests.crew import Crew
from tests.promises.test_sub_sites import with_the_network

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
FILE = f"{SLUG}/{SLUG}.php"
PLAYBOOK = "name: Weekly\nsteps:\n  - wordpress.plugins: all\n"
NIGHT = "wp_update_plugins(); wp_maybe_auto_update();"
"""What WordPress's own cron does twice a day."""


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path) -> Crew:
    """A site with an update on offer that breaks it, which WordPress would install by itself."""
    prepare(fresh_fleet, SITE, next(case for case in CASES if case.name == "text gone"))
    fresh_fleet.wp(SITE, "plugin", "auto-updates", "enable", SLUG)
    crew = Crew(fresh_fleet, tmp_path / "crew", PLAYBOOK)
    (crew.folder / "playbooks/look.yaml").write_text("name: Look\nsteps:\n  - wordpress.plugins: none\n")
    return crew


def listed(crew: Crew) -> list[str]:
    """What WordPress updates by itself."""
    return list(json.loads(crew.fleet.wp(SITE, "option", "get", "auto_update_plugins", "--format=json")))


def version(crew: Crew) -> str:
    return crew.fleet.wp(SITE, "--skip-plugins", "plugin", "get", SLUG, "--field=version").strip()


def hold(crew: Crew) -> None:
    path = f"path: {crew.fleet.sites[SITE].path}\n"
    crew.edit("inventory.yaml", path, f"{path}        hold: {{{SLUG}: {{why: the client asked}}}}\n")


def lift(crew: Crew) -> None:
    crew.edit("inventory.yaml", f"        hold: {{{SLUG}: {{why: the client asked}}}}\n", "")


def run(crew: Crew, playbook: str, code: int) -> str:
    said = crew.say("run", playbook, "-l", SITE)
    assert said.code == code, said
    return said.err


@pytest.mark.long
def test_an_update_that_broke_the_site_does_not_come_back_at_night(crew: Crew) -> None:
    told = run(crew, "weekly", 5)
    assert listed(crew) == []
    assert f"{SLUG} is held: its automatic update is off" in told
    assert f"{SLUG} is held: its automatic update is off" in crew.say("show").out
    crew.fleet.wp(SITE, "eval", NIGHT)
    assert version(crew) == "1.0"
    period = f"{datetime.now(UTC):%Y-%m}"
    (point,) = crew.say("report", "acme", "--period", period, "--json").json["auto_updates"]
    assert (point["item"], point["state"]) == (SLUG, "off")
    assert crew.say("unhold", SLUG, "-l", SITE).code == 0
    assert f"{SLUG} is no longer held: its automatic update is on again" in run(crew, "look", 0)
    assert listed(crew) == [FILE]
    crew.fleet.wp(SITE, "eval", NIGHT)
    assert version(crew) == "1.1", "that WordPress does install it is what makes the rest worth something"


@pytest.mark.long
def test_what_a_filter_forces_is_said_wherever_the_hold_is(crew: Crew) -> None:
    found = crew.fleet.sites[SITE]
    forces = found.path / "wp-content/mu-plugins/forces.php"
    forces.write_text("<?php add_filter( 'auto_update_plugin', '__return_true' );")
    hold(crew)
    why = "the filter auto_update_plugin on the site forces it"
    assert f"WordPress updates it automatically: {why}" in crew.say("plan", "weekly", "-l", SITE).out
    doctor = crew.say("doctor", "-l", SITE).out
    assert SLUG in doctor
    assert f"automatically, and holds cannot prevent it: {why}" in doctor
    assert f"{SLUG} is held, but WordPress will update it automatically: {why}" in run(crew, "weekly", 0)
    assert listed(crew) == [FILE], "it would change nothing"
    assert f"{SLUG} is held, but WordPress will update it automatically" in crew.say("show").out
    forces.unlink()


@pytest.mark.long
def test_what_the_owner_sets_meanwhile_stays(crew: Crew) -> None:
    hold(crew)
    run(crew, "weekly", 0)
    assert listed(crew) == []
    crew.fleet.wp(SITE, "plugin", "auto-updates", "enable", SLUG)
    assert "on again at the site" in run(crew, "weekly", 0)
    assert "on again at the site" in crew.say("plan", "weekly", "-l", SITE).out
    assert listed(crew) == [FILE]
    lift(crew)
    run(crew, "look", 0)
    assert listed(crew) == [FILE]
    assert not [auto for auto in crew.site(SITE)["auto_updates"] if auto["state"] == "on"]


def test_what_is_not_held_is_left_alone(crew: Crew) -> None:
    run(crew, "look", 0)
    assert listed(crew) == [FILE]
    assert crew.site(SITE)["auto_updates"] == []


@pytest.mark.long
def test_versions_of_wordpress_itself_are_held_by_their_size(crew: Crew) -> None:
    found = crew.fleet.sites[SITE]
    config = found.path / "wp-config.php"
    config.write_text(config.read_text().replace("define( 'WP_AUTO_UPDATE_CORE', false );", ""))
    crew.fleet.wp(SITE, "option", "update", "auto_update_core_major", "enabled")
    path = f"path: {found.path}\n"
    crew.edit("inventory.yaml", path, f"{path}        hold: {{core: {{}}, {SLUG}: {{}}}}\n")
    run(crew, "weekly", 0)
    sizes = {auto["key"]: auto["state"] for auto in crew.site(SITE)["auto_updates"]}
    assert sizes == {"minor": "off", "major": "off", FILE: "off"}
    crew.edit("inventory.yaml", f"        hold: {{core: {{}}, {SLUG}: {{}}}}\n", "")
    run(crew, "look", 0)
    assert crew.fleet.wp(SITE, "option", "get", "auto_update_core_major").strip() == "enabled"
    names = crew.fleet.sql(
        SITE, "SELECT option_name FROM wp_options WHERE option_name LIKE 'auto_update_core%'"
    )
    assert "auto_update_core_minor" not in names or "disabled" not in crew.fleet.wp(
        SITE, "option", "get", "auto_update_core_minor"
    )


THEMES_NIGHT = "wp_update_themes(); wp_maybe_auto_update();"
CORE_NIGHT = """
add_filter( 'automatic_updates_is_vcs_checkout', '__return_false' );
wp_version_check( array(), true ); wp_maybe_auto_update();
"""


@pytest.mark.long
def test_a_held_theme_does_not_come_back_at_night(fresh_fleet: Fleet, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.kind == "themes" and case.expected == "undone")
    prepare(fresh_fleet, SITE, case)
    fresh_fleet.wp(SITE, "theme", "auto-updates", "enable", SLUG)
    crew = Crew(
        fresh_fleet,
        tmp_path / "crew",
        f"name: Weekly\nsteps:\n  - wordpress.themes: {{update: [{SLUG}]}}\n",
        "name: Look\nsteps:\n  - wordpress.themes: none\n",
    )
    run(crew, "weekly", 5)
    style = fresh_fleet.sites[SITE].path / f"wp-content/themes/{SLUG}/style.css"
    fresh_fleet.wp(SITE, "eval", THEMES_NIGHT)
    assert "Version: 1.0" in style.read_text()
    assert crew.say("unhold", SLUG, "-l", SITE).code == 0
    run(crew, "look", 0)
    fresh_fleet.wp(SITE, "eval", THEMES_NIGHT)
    assert "Version: 1.1" in style.read_text(), (
        "that WordPress does install it makes the rest worth something"
    )


@pytest.mark.long
def test_a_held_wordpress_does_not_come_back_at_night(fresh_fleet: Fleet, tmp_path: Path) -> None:
    found = fresh_fleet.sites[SITE]
    config = found.path / "wp-config.php"
    config.write_text(config.read_text().replace("define( 'WP_AUTO_UPDATE_CORE', false );", ""))
    fresh_fleet.wp(SITE, "option", "update", "auto_update_core_major", "enabled")
    crew = Crew(fresh_fleet, tmp_path / "crew", PLAYBOOK)
    crew.edit(
        "inventory.yaml", f"path: {found.path}\n", f"path: {found.path}\n        hold: {{core: {{}}}}\n"
    )
    before = fresh_fleet.wp(SITE, "core", "version").strip()
    run(crew, "weekly", 0)
    fresh_fleet.wp(SITE, "eval", CORE_NIGHT)
    assert fresh_fleet.wp(SITE, "core", "version").strip() == before
    crew.edit("inventory.yaml", "        hold: {core: {}}\n", "")
    run(crew, "weekly", 0)
    fresh_fleet.wp(SITE, "eval", CORE_NIGHT)
    assert fresh_fleet.wp(SITE, "core", "version").strip() != before


@pytest.mark.long
@pytest.mark.parametrize("how", ["AUTOMATIC_UPDATER_DISABLED", "WP_AUTO_UPDATE_CORE"])
def test_a_constant_that_decides_is_believed(fresh_fleet: Fleet, tmp_path: Path, how: str) -> None:
    prepare(fresh_fleet, SITE, next(case for case in CASES if case.name == "good"))
    fresh_fleet.wp(SITE, "plugin", "auto-updates", "enable", SLUG)
    found = fresh_fleet.sites[SITE]
    config = found.path / "wp-config.php"
    text = config.read_text().replace("define( 'WP_AUTO_UPDATE_CORE', false );", "")
    config.write_text(text.replace("<?php", f"<?php define( '{how}', true );", 1))
    crew = Crew(fresh_fleet, tmp_path / "crew", PLAYBOOK)
    line = f"path: {found.path}\n"
    crew.edit("inventory.yaml", line, f"{line}        hold: {{core: {{}}, {SLUG}: {{}}}}\n")
    run(crew, "weekly", 0)
    states = {auto["key"]: auto["state"] for auto in crew.site(SITE)["auto_updates"]}
    if how == "AUTOMATIC_UPDATER_DISABLED":
        assert states == {}
    else:
        assert states == {"minor": "forced", "major": "forced", FILE: "off"}


@pytest.mark.long
def test_a_translation_that_broke_the_site_is_said_to_come_back(fresh_fleet: Fleet, tmp_path: Path) -> None:
    playbook = "name: Words\nsteps:\n  - wordpress.languages: {install: [de_DE]}\n"
    crew = Crew(fresh_fleet, tmp_path / "crew", playbook)
    run(crew, "words", 0)
    fresh_fleet.wp(SITE, "site", "switch-language", "de_DE")
    words = {"Log In": "Anmelden"}
    fresh_fleet.catalogue.translation("core", "default", "de_DE", "2026-11-20 08:00:00", words, bad="fatal")
    why = "WordPress updates it automatically: WordPress has no setting for translations"
    assert f"de_DE core is held, but {why}" in run(crew, "words", 5)
    assert why in crew.say("plan", "words", "-l", SITE).out


@pytest.mark.long
def test_what_a_network_updates_by_itself_is_switched_for_the_network(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    site, fleet = "globex-network", fresh_fleet
    fleet.need(site)
    fleet.catalogue.reset()
    fleet.catalogue.plugin(SLUG, "1.0")
    fleet.install(site, "plugins", SLUG, "1.0")
    fleet.catalogue.plugin(SLUG, "1.1")
    fleet.wp(site, "plugin", "activate", SLUG, "--network")
    fleet.wp(site, "plugin", "auto-updates", "enable", SLUG)
    crew = with_the_network(fleet, fleet.spec.url(fleet.spec.site(site)), tmp_path / "crew")
    crew.playbook("weekly", PLAYBOOK)
    line = f"path: {fleet.spec.path(fleet.spec.site(site))}\n"
    crew.edit("inventory.yaml", line, f"{line}        hold: {{{SLUG}: {{}}}}\n")
    assert crew.say("run", "weekly", "-l", site).code == 0
    fleet.wp(site, "eval", NIGHT)
    assert version_of(fleet, site) == "1.0"
    crew.edit("inventory.yaml", f"        hold: {{{SLUG}: {{}}}}\n", "")
    crew.playbook("weekly", "name: Weekly\nsteps:\n  - wordpress.plugins: none\n")
    assert crew.say("run", "weekly", "-l", site).code == 0
    fleet.wp(site, "eval", NIGHT)
    assert version_of(fleet, site) == "1.1"


def version_of(fleet: Fleet, site: str) -> str:
    return fleet.wp(site, "--skip-plugins", "plugin", "get", SLUG, "--field=version").strip()
