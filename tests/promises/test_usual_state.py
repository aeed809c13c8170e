"""Promise: a site that looks unhealthy on purpose is cared for as others are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.gauntlet import SLUG, Case, prepare
from tests.crew import Crew, plugin_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLUGINS = f"name: Plugins\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"
PROBE = "name: Probe\nsteps:\n  - probe.http: {}\n"
SOON = """<?php
add_action( 'template_redirect', function () {
	status_header( 503 );
	header( 'Retry-After: 3600' );
	echo '<!DOCTYPE html><html><head><title>Soon</title></head><body><h1>We are opening soon</h1>'
		. '<p>Our new shop is nearly done. Come back in a few days.</p></body></html>';
	exit;
} );
"""
BAD = "add_action( 'template_redirect', function () { weathervane_is_missing(); }, 1 );"


@pytest.fixture
def soon(fleet: Fleet) -> Iterator[Path]:
    """The site shows a page that says when it opens, and nothing else."""
    prepare(fleet, SITE, Case(name="fatal in front of it", expected="undone", php=BAD))
    folder = fleet.sites[SITE].path / "wp-content/mu-plugins"
    folder.mkdir(exist_ok=True)
    (folder / "soon.php").write_text(SOON)
    assert httpx.get(fleet.sites[SITE].url).status_code == 503
    yield folder
    (folder / "soon.php").unlink(missing_ok=True)
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.long
def test_a_coming_soon_page_is_updated_as_others_are_and_a_bad_update_is_found(
    fleet: Fleet, soon: Path, tmp_path: Path
) -> None:
    crew = Crew(fleet, tmp_path / "crew", PLUGINS, PROBE)
    said = crew.say("run", "plugins", "-l", SITE)
    assert said.code == 5, said.err
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], "answers 500" in change["why"]) == ("undone", True), change
    assert plugin_version(fleet, SITE, SLUG) == "1.0"

    fleet.catalogue.plugin(SLUG, "1.2")
    said = crew.say("run", "plugins", "-l", SITE, "--json")
    assert said.code == 0, said.out
    assert plugin_version(fleet, SITE, SLUG) == "1.2"
    before = next(e for e in said.events if e["event"] == "look.taken" and e.get("phase") == "before")
    assert before["usual"][0] == "/: a coming-soon page (503, Retry-After)"
    assert before["healthy"]

    said = crew.say("run", "probe", "-l", SITE)
    assert said.code == 0, said.err
    said = crew.say("doctor", "-l", SITE)
    [line] = re.findall(r"in the inventory: (pages: .*)", said.out)
    assert "a coming-soon page (503, Retry-After)" in said.out
    inventory = crew.folder / "inventory.yaml"
    text = inventory.read_text()
    at = text.index(f"{SITE}:")
    place = text.index("path: ", at)
    indent = " " * (place - text.rindex("\n", 0, place) - 1)
    inventory.write_text(f"{text[:place]}{line}\n{indent}{text[place:]}")
    said = crew.say("doctor", "-l", SITE)
    assert "coming-soon" not in said.out
    assert "as expected" in said.out
