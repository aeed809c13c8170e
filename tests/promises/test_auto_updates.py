"""Promise: what is held is held against WordPress's own automatic updates too, or is said not to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from tests.crew import Crew

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


def test_an_update_that_broke_the_site_does_not_come_back_at_night(crew: Crew) -> None:
    told = run(crew, "weekly", 5)
    assert listed(crew) == []
    assert f"{SLUG} is held: its automatic update is switched off" in told
    assert f"{SLUG} is held: its automatic update is switched off" in crew.say("show").out
    crew.fleet.wp(SITE, "eval", NIGHT)
    assert version(crew) == "1.0"
    period = f"{datetime.now(UTC):%Y-%m}"
    (point,) = crew.say("report", "acme", "--period", period, "--json").json["auto_updates"]
    assert (point["item"], point["state"]) == (SLUG, "off")
    assert crew.say("unhold", SITE, SLUG).code == 0
    assert f"{SLUG} is no longer held: its automatic update is switched on again" in run(crew, "look", 0)
    assert listed(crew) == [FILE]
    crew.fleet.wp(SITE, "eval", NIGHT)
    assert version(crew) == "1.1", "that WordPress does install it is what makes the rest worth something"


@pytest.mark.long
def test_what_a_filter_forces_is_said_wherever_the_hold_is(crew: Crew) -> None:
    found = crew.fleet.sites[SITE]
    forces = found.path / "wp-content/mu-plugins/forces.php"
    forces.write_text("<?php add_filter( 'auto_update_plugin', '__return_true' );")
    hold(crew)
    why = "the filter auto_update_plugin of the site asks for it"
    assert f"WordPress updates it by itself: {why}" in crew.say("plan", "weekly", "-l", SITE).out
    doctor = crew.say("doctor", "-l", SITE).out
    assert SLUG in doctor
    assert f"by itself, and no hold can keep it from that: {why}" in doctor
    assert f"{SLUG} is held, but WordPress updates it by itself: {why}" in run(crew, "weekly", 0)
    assert listed(crew) == [FILE], "it would change nothing"
    assert f"{SLUG} is held, but WordPress updates it by itself" in crew.say("show").out
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


@pytest.mark.long
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
