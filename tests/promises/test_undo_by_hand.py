"""Promise: `sitecrew undo RUN` puts a run back days later, says what that means, and can itself be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, prepare
from lab.migrations import GOOD, MIGRATIONS
from tests.crew import Crew, check_host_is_clean, plugin_version
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import SITE, check_well

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

FINE = {case.name: case for case in CASES}["good"]
FOR_EVER = {case.name: case for case in MIGRATIONS}["an option changed for ever"]


def test_a_run_is_put_back_and_that_is_put_back_too(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, FINE)
    fleet.clear_host(fleet.sites[SITE].host)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    assert crew.say("run", "one", "-l", SITE, "--as", "Ada").code == 0
    run = crew.show()["run"]

    asked = crew.say("undo", run)
    assert (asked.code, "1.1 -> 1.0" in asked.err, "-y" in asked.err) == (2, True, True), asked
    assert plugin_version(fleet, SITE, SLUG) == "1.1"

    with (fleet.sites[SITE].path / f"wp-content/plugins/{SLUG}/{SLUG}.php").open("a") as file:
        file.write("\nvane_is_missing();")
    assert httpx.get(fleet.sites[SITE].url, timeout=20).status_code == 500
    said = crew.say("undo", run, "-y", env={"SITECREW_OPERATOR": "Bob"})
    assert (said.code, change(crew)["outcome"]) == (0, "undone"), said
    assert [(act["act"], act["operator"]) for act in crew.show()["acts"]] == [("undo", "Bob")]
    assert [(act["act"], act["operator"]) for act in crew.show(run)["acts"]] == [("run", "Ada")]
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    check_well(fleet, crew)
    assert crew.show()["playbook"] == "undo"
    assert crew.site(SITE)["looks"][0]["phase"] == "before"
    held = crew.say("plan", "one", "-l", SITE, "--json").json["sites"][0]["changes"]
    assert [(c["action"], "by hand" in c["why"]) for c in held if c["item"] == SLUG] == [("hold", True)]

    again = crew.say("undo", run, "-y")
    assert (again.code, "is already at 1.0" in again.err) == (2, True), again
    check_host_is_clean(fleet, fleet.sites[SITE].host)


@pytest.mark.long
def test_what_was_updated_since_is_left_unless_forced(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, FINE)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    assert crew.say("run", "one", "-l", SITE).code == 0
    run = crew.show()["run"]
    fleet.catalogue.plugin(SLUG, "1.2")
    fleet.install(SITE, "plugins", SLUG, "1.2")
    said = crew.say("undo", run, "-y")
    assert (said.code, "1.2 has been installed since" in said.err) == (2, True), said
    assert crew.say("undo", run, "-y", "--force").code == 0
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    back = crew.say("undo", "last", "-y")
    assert (back.code, plugin_version(fleet, SITE, SLUG)) == (0, "1.2"), back


@pytest.mark.long
def test_a_migration_goes_back_and_what_came_since_stays(fleet: Fleet, tmp_path: Path) -> None:
    """Files alone would break the site, so they are not put back alone."""
    prepare(fleet, SITE, GOOD)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    assert crew.say("run", "one", "-l", SITE).code == 0
    run = crew.show()["run"]
    post = fleet.sql(SITE, "SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 1").strip()
    fleet.wp(SITE, "comment", "create", f"--comment_post_ID={post}", "--comment_content=Lovely crumb")
    fleet.wp(SITE, "option", "update", "blogdescription", "Since yesterday")

    alone = crew.say("undo", run, "-y")
    assert alone.code == 3, alone
    assert f"sitecrew undo {run} -l {SITE} --database" in crew.site(SITE)["why"]
    check_well(fleet, crew)
    assert plugin_version(fleet, SITE, SLUG) == "1.1"

    both = crew.say("undo", run, "-y", "--database")
    assert (both.code, "1 comment would be lost" in both.err) == (0, True), both
    check_well(fleet, crew)
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    assert "Wind: north" in httpx.get(fleet.sites[SITE].url, timeout=20).text
    assert "Lovely crumb" in fleet.sql(SITE, "SELECT comment_content FROM wp_comments")
    options = "SELECT option_value FROM wp_options WHERE option_name = 'blogdescription'"
    assert fleet.sql(SITE, options).strip() == "Since yesterday"


@pytest.mark.long
def test_a_site_that_stayed_broken_is_mended_by_what_the_message_says(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, FOR_EVER)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    crew.settings("policy: {undo: {database: ask}}\n")
    assert crew.say("run", "one", "-l", SITE).code == 3
    why = crew.site(SITE)["why"]
    said = crew.say(*why.partition("sitecrew ")[2].split(), "-y")
    assert said.code == 0, said
    check_well(fleet, crew)


def change(crew: Crew) -> dict[str, Any]:
    site = crew.site(SITE)
    return next(c for step in site["steps"] for c in step["changes"] if c["item"] == SLUG)
