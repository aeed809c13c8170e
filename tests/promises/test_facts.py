"""Promise: `facts` prints what is on a site and its host now, and changes nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lab.terminal import Terminal
from runner.record import Ledger
from tests.crew import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Crew:
    return Crew(fleet, tmp_path)


def test_wordpress_site_is_read_with_updates_and_holds(crew: Crew) -> None:
    site = crew.fleet.sites["acme-blog"]
    crew.edit("inventory.yaml", "        tags: [ring-0]\n", "        hold: {harbour-forms: {}}\n")
    with Ledger.open(f"sqlite:///{crew.folder}/.sitecrew/ledger.db") as ledger:
        ledger.holds.add("acme-blog", "lantern-gallery", "9.9", why="it broke the site")
    found = crew.say("facts", "acme-blog", "--json").json
    assert (found["site"], found["client"], found["path"]) == ("acme-blog", "acme", str(site.path))
    host = found["host"]
    assert (host["name"], host["user"]) == ("web2", crew.fleet.spec.user("web2"))
    assert host["php"]["version"].startswith("8.")
    assert host["wp_cli"]["version"]
    assert host["tools"]["tar"]
    wordpress = found["wordpress"]
    assert wordpress["version"] == crew.fleet.wp("acme-blog", "core", "version").strip()
    assert wordpress["home"] == site.url
    assert wordpress["database"]["name"] == "acme_blog"
    assert wordpress["folders"]["plugins"] == f"{site.path}/wp-content/plugins"
    items = {(item["kind"], item["item"]): item for item in found["items"]}
    folders = {path.name for path in (site.path / "wp-content/plugins").iterdir() if path.is_dir()}
    assert {item for kind, item in items if kind == "plugin"} == folders
    forms = items["plugin", "harbour-forms"]
    assert (forms["version"], forms["update"], forms["action"]) == ("1.8.2", "1.8.3", "hold")
    assert [(hold["item"], hold["version"]) for hold in found["holds"]] == [("lantern-gallery", "9.9")]
    assert found["problems"] == []


@pytest.mark.long
def test_screen_of_80_columns_holds_every_line(crew: Crew) -> None:
    words = [sys.executable, "-m", "runner", "facts", "acme-blog"]
    with Terminal(words, folder=crew.folder, columns=80, rows=200) as terminal:
        terminal.wait_for_exit()
        text = terminal.text
    for section in ("acme-blog", "Host web2", "WordPress", "Files", "Database", "plugin (", "theme ("):
        assert f"\n{section}" in f"\n{text}"
    assert all(len(line) < 80 for line in text.splitlines())
    assert "harbour-forms" in text


@pytest.mark.long
def test_static_site_has_host_but_no_wordpress(crew: Crew) -> None:
    ended = crew.say("facts", "globex-docs")
    assert ended.code == 0
    assert "Host web3" in ended.out
    assert "WordPress" not in ended.out
    assert "PHP" not in ended.out
