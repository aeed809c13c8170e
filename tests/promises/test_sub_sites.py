"""Promise: the sites of a network are looked at too, those first on which something changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from lab.gauntlet import SLUG
from tests.crew import Crew
from tests.promises.test_dead_man import ONE

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
    fleet.catalogue.plugin(SLUG, "1.1", php=BAD)
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 5, said
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], f"{berlin}: answers 500" in change["why"]) == ("undone", True), change
    assert "Version: 1.0" in plugin.read_text()
    assert httpx.get(f"{berlin}/").status_code == 200
    looked = {look["url"] for look in crew.site(SITE)["looks"] if look["signal"] == "sub-site"}
    assert looked == {f"{url}/{name}" for name in ("berlin", "lyon", "osaka")}

    fleet.catalogue.plugin(SLUG, "1.2")
    assert crew.say("run", "one", "-l", SITE).code == 0
    assert "Version: 1.2" in plugin.read_text()
