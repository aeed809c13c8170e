"""Promise: what links in an item lead to is never touched, and they are there whatever came of the update."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from lab.links import contents, share
from lab.shell import run
from tests.crew import Crew, ended, plugin_version
from tests.promises.test_everything_killed import SLOW, kill_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLAYBOOK = f"name: One\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"
ITEM = f"wp-content/plugins/{SLUG}"
NAMED = {case.name: case for case in CASES}
LINKS = {"data", "own/a b\nc", "prices.csv", "gone", "readme.txt"}


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    yield Crew(fleet, tmp_path / "crew", PLAYBOOK)
    shutil.rmtree(fleet.sites[SITE].path.with_name("shared data"))
    fleet.reset(SITE)
    fleet.catalogue.reset()


def links(folder: Path) -> dict[str, str]:
    return {name: what for name, what in contents(folder).items() if what.startswith("->")}


@pytest.mark.long
def test_an_update_that_stays_and_its_undo_keep_links_and_what_they_lead_to(fleet: Fleet, crew: Crew) -> None:
    prepare(fleet, SITE, NAMED["good"])
    folder = fleet.sites[SITE].path / ITEM
    shared = share(fleet, SITE, ITEM)
    before, inside, whole = contents(shared), links(folder), contents(folder)
    assert set(inside) >= LINKS

    planned = crew.say("plan", "one", "-l", SITE)
    assert "its 5 links to other folders are kept" in planned.out, planned

    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 0, said
    assert plugin_version(fleet, SITE, SLUG) == "1.1"
    assert contents(shared) == before
    assert {name: links(folder)[name] for name in LINKS} == {name: inside[name] for name in LINKS}

    assert crew.say("undo", "last", "-y").code == 0
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    assert contents(shared) == before
    assert contents(folder) == whole


@pytest.mark.long
def test_an_update_that_is_rolled_back_leaves_the_folder_as_it_was(fleet: Fleet, crew: Crew) -> None:
    prepare(fleet, SITE, NAMED["fatal on load"])
    folder = fleet.sites[SITE].path / ITEM
    shared = share(fleet, SITE, ITEM)
    before, whole = contents(shared), contents(folder)
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 5, said
    assert contents(shared) == before
    assert contents(folder) == whole


@pytest.mark.long
def test_a_job_that_is_killed_in_the_middle_leaves_the_folder_as_it_was(fleet: Fleet, crew: Crew) -> None:
    prepare(fleet, SITE, NAMED["good"])
    fleet.catalogue.plugin(SLUG, "1.1", php=SLOW)
    folder = fleet.sites[SITE].path / ITEM
    shared = share(fleet, SITE, ITEM)
    before, whole = contents(shared), contents(folder)
    process = crew.start("run", "one", "-l", SITE, "--json")
    kill_all(fleet, lambda: not (folder / "data").is_symlink())
    said = ended(process)
    assert said.code == 3, said
    assert contents(shared) == before
    assert contents(folder) == whole


@pytest.mark.long
def test_a_file_system_that_is_mounted_inside_holds_the_item(fleet: Fleet, crew: Crew) -> None:
    prepare(fleet, SITE, NAMED["good"])
    folder = fleet.sites[SITE].path / ITEM
    shared = share(fleet, SITE, ITEM)
    (folder / "mounted here").mkdir()
    run("mount", "--bind", shared, folder / "mounted here")
    before = contents(shared)
    try:
        said = crew.say("run", "one", "-l", SITE)
        [change] = crew.site(SITE)["steps"][0]["changes"]
        assert (change["outcome"], "mounted here" in change["why"]) == ("held", True), (change, said)
        assert plugin_version(fleet, SITE, SLUG) == "1.0"
        assert contents(shared) == before
    finally:
        run("umount", folder / "mounted here")
