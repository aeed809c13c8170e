"""Promise: visitors notice no update, whoever owns the site's files.

They ask for the front page and for a stylesheet of the plugin that is updated; what is not status 200 with
the expected text has failed. The counts of each layout are printed, for `pytest -s`.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from lab.ownership import LAYOUTS
from lab.visitors import Crowd
from tests.promises.test_ownership import LONG, PLUGIN, SITE, ends, in_layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet
    from tests.crew import Crew
    from tests.promises.test_ownership import Place

pytestmark = [pytest.mark.fleet, pytest.mark.long]

STYLES = f"/wp-content/plugins/{PLUGIN}/style.css"
SHOWN = (
    "add_action( 'wp_enqueue_scripts', function () {"
    " wp_enqueue_style( 'vane', plugins_url( 'style.css', __FILE__ ) ); } );"
)
FEW = 20
"""Requests, without which nothing was measured."""


@pytest.fixture(params=[how for how in LAYOUTS if how.name != "web-server"], ids=lambda how: how.name)
def place(request: pytest.FixtureRequest, fleet: Fleet, tmp_path: Path) -> Iterator[Place]:
    yield from in_layout(fleet, tmp_path, request.param)


def test_visitors_notice_nothing(place: Place) -> None:
    catalogue = place.fleet.catalogue
    crew = place.crew("crew")
    for version in ("1.1", "1.2"):
        catalogue.plugin(PLUGIN, version, php=SHOWN, files={"style.css": f".vane-{version} {{}}".encode()})
        if version == "1.1":
            assert crew.say("run", "items", "-l", SITE).code == 0
    time.sleep(place.fleet.spec.opcache + 1)  # what OPcache keeps would be the first update's
    plugins = visited(place, crew, ("run", "items", "-l", SITE), "changed")
    catalogue.core("7.1.2", like="7.1.1", edits={"wp-includes/new/a.php": "<?php"})
    there = visited(place, crew, ("run", "core", "-l", SITE), "changed")
    back = visited(place, crew, ("undo", "last", "-y"), "undone")
    counts = {"plugin": plugins, "core there": there, "core back": back}
    told = {name: f"{crowd.failed} of {crowd.asked}" for name, crowd in counts.items()}
    sys.stdout.write(f"\n{place.how.name}: {told}\n")
    assert plugins.failures == ()
    assert len(there.failures + back.failures) <= 1, there.failures + back.failures


def visited(place: Place, crew: Crew, command: tuple[str, ...], end: str) -> Crowd:
    """The visitors of one command, which must have done something."""
    found = place.fleet.sites[SITE]
    crowd = Crowd(found.url, rate=40.0, pages={"/": found.expect, STYLES: ".vane"})
    with crowd.coming():
        said = crew.say(*command, patience=LONG)
    assert end in ends(crew), said
    assert crowd.asked > FEW
    return crowd
