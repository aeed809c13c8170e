from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab import Fleet


@pytest.fixture
def network(fleet: Fleet) -> Fleet:
    fleet.need("globex-network")
    return fleet


def test_a_spare_site_is_in_no_inventory_and_there_when_it_is_needed(network: Fleet) -> None:
    assert "globex-network" not in network.sites
    site = network.need("globex-network")
    for path in ("/", "/berlin/", "/lyon/", "/osaka/wp-login.php"):
        with urllib.request.urlopen(site.url + path, timeout=20) as answer:  # noqa: S310
            assert answer.status == 200
    urls = network.wp(site.name, "site", "list", "--field=url").split()
    assert [url.removeprefix(site.url) for url in urls] == ["/", "/berlin/", "/lyon/", "/osaka/"]


def test_newer_translations_are_offered_for_what_is_installed(network: Fleet) -> None:
    listed = network.wp("globex-network", "language", "core", "list", "--update=available", "--field=updated")
    assert listed.split("\n")[0] == "2026-09-14 10:30:00"
    argv = ("language", "plugin", "list", "harbour-forms", "--update=available", "--field=language")
    assert network.wp("globex-network", *argv).split() == ["de_DE"]


def test_a_spare_site_is_put_back_when_it_is_needed_again(network: Fleet) -> None:
    note = network.spec.path(network.spec.site("globex-network")) / "note.txt"
    note.write_text("x")
    network.wp("globex-network", "option", "set", "blogname", "Changed")
    network.need("globex-network")
    assert not note.exists()
    assert network.wp("globex-network", "option", "get", "blogname").strip() == "Globex Worldwide"
