"""Promise: PHP that goes on with code that was replaced is waited for, or a change counts as not checked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, Case, prepare
from lab.object_cache import answering
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

SITE = "acme-blog"
PLAYBOOK = f"name: Update\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"
NEVER = {"opcache.validate_timestamps": "0"}
WHY = "PHP keeps the old code until it is restarted (opcache.validate_timestamps is off)"
SHOWS = "add_action( 'wp_footer', function () { echo 'weathervane %s'; } );"


@contextmanager
def compiled(fleet: Fleet, settings: dict[str, str]) -> Iterator[None]:
    """PHP-FPM with settings of OPcache, its cache filled."""
    host = fleet.sites[SITE].host
    fleet.web.settings[host] = settings
    fleet.web.start_php()
    front(fleet)
    try:
        yield
    finally:
        del fleet.web.settings[host]
        fleet.web.start_php()


def front(fleet: Fleet) -> str:
    return httpx.get(f"{fleet.sites[SITE].url}/", timeout=20).text


def crew_of(fleet: Fleet, folder: Path, case: Case) -> Crew:
    prepare(fleet, SITE, case)
    return Crew(fleet, folder / "crew", PLAYBOOK)


BROKEN = next(case for case in CASES if case.name == "text gone")
GOOD = Case(name="good", expected="changed", old=SHOWS % "1.0", php=SHOWS % "1.1")


def test_code_that_is_looked_at_seldom_is_waited_for(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_of(fresh_fleet, tmp_path, BROKEN)
    with compiled(fresh_fleet, {"opcache.revalidate_freq": "15"}):
        assert "PHP notices changed code only after 16 s" in crew.say("doctor", "-l", SITE).out
        said = crew.say("run", "update", "-l", SITE)
        assert said.code == 5, said
        assert "lacks the text" in crew.site(SITE)["why"]
        assert fresh_fleet.sites[SITE].expect in front(fresh_fleet)


def test_code_that_is_never_looked_at_makes_a_change_unverified(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_of(fresh_fleet, tmp_path, GOOD)
    with compiled(fresh_fleet, NEVER):
        assert f"{WHY}: changes cannot be verified" in crew.say("doctor", "-l", SITE).out
        assert f"changes cannot be verified: {WHY}" in crew.say("plan", "update", "-l", SITE).out
        said = crew.say("run", "update", "-l", SITE)
        assert said.code == 0, said
        assert "weathervane 1.0" in front(fresh_fleet), "or nothing is tried here"
        [change] = crew.site(SITE)["steps"][0]["changes"]
        assert WHY in change["unverified"]
        assert WHY in crew.say("show").out


def test_a_command_that_resets_it_has_every_change_seen(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_of(fresh_fleet, tmp_path, BROKEN)
    path = f"path: {fresh_fleet.sites[SITE].path}\n"
    reset = answering(fresh_fleet, SITE, "opcache_reset()")
    crew.edit("inventory.yaml", path, f"{path}        purge: {reset}\n")
    with compiled(fresh_fleet, NEVER):
        said = crew.say("run", "update", "-l", SITE)
        assert said.code == 5, said
        assert "lacks the text" in crew.site(SITE)["why"]
        assert fresh_fleet.sites[SITE].expect in front(fresh_fleet)
        assert not crew.site(SITE)["steps"][0]["changes"][0]["unverified"]
