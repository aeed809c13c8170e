"""Promise: what a cache has kept of an update that was taken back is not what visitors get."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.caches import page_cache, refresh
from lab.gauntlet import CASES, SLUG, prepare
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLAYBOOK = f"name: Update\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """A site with nginx's page cache before it, and an update that breaks what visitors see."""
    prepare(fresh_fleet, SITE, next(case for case in CASES if case.name == "text gone"))
    with page_cache(fresh_fleet, SITE):
        yield Crew(fresh_fleet, tmp_path / "crew", PLAYBOOK)


def purge_by(crew: Crew, command: str) -> None:
    path = f"path: {crew.fleet.sites[SITE].path}\n"
    crew.edit("inventory.yaml", path, f"{path}        purge: {command}\n")


def front(crew: Crew) -> str:
    """As a visitor gets it."""
    return httpx.get(f"{crew.fleet.sites[SITE].url}/", timeout=20).text


@contextmanager
def a_bad_page_is_kept(crew: Crew) -> Iterator[None]:
    """The cache gets the page of the moment in which the new version is there."""
    site, over = crew.fleet.sites[SITE], threading.Event()

    def wait() -> None:
        with httpx.Client(timeout=20) as client:
            while not over.is_set():
                bad = "Coming soon" in client.get(f"{site.url}/", headers={"Cookie": "a=b"}).text
                if bad:
                    client.get(f"{site.url}/", headers={"X-Refresh": "1"})
                    return
                time.sleep(0.05)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_bad_page_that_a_cache_has_kept_goes_with_the_update(crew: Crew) -> None:
    purge_by(crew, refresh(crew.fleet, SITE))
    with a_bad_page_is_kept(crew):
        said = crew.say("run", "update", "-l", SITE)
    assert said.code == 5, said
    assert "caches cleared: the `purge` command" in said.err
    assert crew.fleet.sites[SITE].expect in front(crew)
    assert crew.site(SITE)["outcome"] == "undone"


@pytest.mark.long
def test_a_cache_that_cannot_be_emptied_makes_it_failed(crew: Crew) -> None:
    with a_bad_page_is_kept(crew):
        said = crew.say("run", "update", "-l", SITE)
    assert "Coming soon" in front(crew)
    assert said.code == 3, said
    assert "a cache still serves the bad page: / (plain): lacks the text" in crew.site(SITE)["why"]


@pytest.mark.long
def test_an_emptying_that_fails_is_said_and_hides_nothing(crew: Crew) -> None:
    purge_by(crew, "echo no such zone; exit 7")
    prepare(crew.fleet, SITE, next(case for case in CASES if case.name == "good"))
    said = crew.say("run", "update", "-l", SITE)
    assert said.code == 0, said
    step = crew.site(SITE)["steps"][0]
    assert step["outcome"] == "changed"
    why = "caches could not be cleared: the `purge` command exited with 7: no such zone"
    assert why in step["why"]
    assert why in crew.say("show").out


SYNC = "name: Update\nsteps:\n  - files.sync: {from: extra, to: wp-content/mu-plugins}\n"
BADGE = "<?php add_action( 'wp_footer', function () { echo 'badge'; } );"


def sent(crew: Crew) -> None:
    (crew.folder / "extra").mkdir()
    (crew.folder / "extra/badge.php").write_text(BADGE)
    crew.playbook("update", SYNC)


@pytest.mark.long
def test_what_a_cache_keeps_goes_where_files_are_sent(crew: Crew) -> None:
    purge_by(crew, refresh(crew.fleet, SITE))
    sent(crew)
    assert "badge" not in front(crew)
    said = crew.say("run", "update", "-l", SITE)
    assert said.code == 0, said
    assert "caches cleared: the `purge` command" in said.err
    assert "badge" in front(crew)


@pytest.mark.long
def test_pages_that_a_drop_in_keeps_go_with_the_update(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """As the usual plugins keep them: a file for each address, below wp-content/cache."""
    case = next(case for case in CASES if case.name == "text gone")
    prepare(fresh_fleet, SITE, replace(case, cached=True))
    crew = Crew(fresh_fleet, tmp_path / "crew", PLAYBOOK)
    purge_by(crew, "find wp-content/cache -type f -delete")
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            front(crew)
            time.sleep(0.1)

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    said = crew.say("run", "update", "-l", SITE)
    over.set()
    visitor.join()
    assert said.code == 5, said
    assert fresh_fleet.sites[SITE].expect in front(crew)
    assert crew.site(SITE)["outcome"] == "undone"
