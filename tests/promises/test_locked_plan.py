"""Promise: what was looked at is what runs, or nothing does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.crew import Crew, kill, plugin_version, read_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, OTHER = "acme-blog", "acme-shop"
LOCKED = """\
name: Locked
steps:
  - wordpress.plugins: {update: [harbour-forms, copper-crumbs]}
"""


@pytest.fixture(scope="module", autouse=True)
def _leave_it_as_it_was(fleet: Fleet) -> Iterator[None]:
    yield
    fleet.catalogue.reset()
    fleet.reset(SITE, OTHER)


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Crew:
    """With a plan of two sites in plan.json, each with an update of harbour-forms from 1.8.2 to 1.8.3."""
    fleet.catalogue.reset()
    fleet.reset(SITE, OTHER)
    crew = Crew(fleet, tmp_path / "crew", LOCKED)
    said = crew.say("plan", "locked", "-l", f"{SITE},{OTHER}", "--out", "plan.json")
    assert said.code == 0, said
    assert "sitecrew run --plan plan.json" in said.err
    return crew


def plan_of(crew: Crew) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((crew.folder / "plan.json").read_text())
    return found


def edit(crew: Crew, plan: dict[str, Any]) -> None:
    (crew.folder / "plan.json").write_text(json.dumps(plan))


def runs(crew: Crew) -> tuple[object, ...]:
    from runner.record import Ledger

    with Ledger.open(f"sqlite:///{crew.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        return ledger.runs.list()


def refused(crew: Crew, *more: str) -> str:
    """What is said; nothing may have been begun."""
    said = crew.say("run", "--plan", "plan.json", "-l", SITE, *more)
    assert said.code == 2, said
    assert runs(crew) == ()
    assert plugin_version(crew.fleet, SITE, "harbour-forms") == "1.8.2"
    return said.err


def test_what_was_looked_at_is_what_runs(crew: Crew) -> None:
    crew.fleet.catalogue.plugin("copper-crumbs", "0.9.9")
    said = crew.say("run", "--plan", "plan.json", "-l", SITE, "--json")
    assert said.code == 0, said
    assert f"{SITE}: copper-crumbs 0.9.7 -> 0.9.9 is not in the plan: not applied" in said.err
    assert plugin_version(crew.fleet, SITE, "harbour-forms") == "1.8.3"
    assert plugin_version(crew.fleet, SITE, "copper-crumbs") == "0.9.7"
    assert [site["site"] for site in crew.show()["sites"]] == [SITE]


@pytest.mark.long
def test_a_world_that_has_moved_is_refused_with_the_difference(crew: Crew) -> None:
    fleet, planned = crew.fleet, f"{SITE}: harbour-forms: 1.8.2 -> 1.8.3 was planned"
    fleet.wp(SITE, "plugin", "deactivate", "harbour-forms")
    assert f"{planned}, and it is not active now" in refused(crew)
    fleet.wp(SITE, "plugin", "activate", "harbour-forms")
    fleet.catalogue.plugin("harbour-forms", "1.8.4")
    assert f"{planned}, 1.8.4 is offered now" in refused(crew)
    fleet.catalogue.reset()
    crew.settings("policy: {hold: {harbour-forms: {why: on sale}}}\n")
    assert f"{planned}, but now: held: on sale" in refused(crew)
    crew.edit("sitecrew.yaml", "policy: {hold: {harbour-forms: {why: on sale}}}", "")
    crew.edit("playbooks/locked.yaml", "[harbour-forms, copper-crumbs]", "minor")
    assert (
        "playbook locked: step wordpress.plugins: update changed from harbour-forms, copper-crumbs to minor"
        in refused(crew)
    )
    crew.edit("playbooks/locked.yaml", "minor", "[harbour-forms, copper-crumbs]")
    crew.edit("inventory.yaml", f"/{SITE}\n", f"/{SITE}/\n")
    crew.edit("inventory.yaml", f"url: {fleet.sites[SITE].url}\n", "url: http://127.0.0.1:9\n")
    assert f"{SITE}: url changed from {fleet.sites[SITE].url} to http://127.0.0.1:9" in refused(crew)


@pytest.mark.long
def test_a_version_that_was_put_there_by_hand_is_refused_and_the_other_site_can_go_on(crew: Crew) -> None:
    crew.fleet.install(SITE, "plugins", "harbour-forms", "1.8.3")
    said = crew.say("run", "--plan", "plan.json")
    assert said.code == 2
    assert f"  {SITE}: harbour-forms: 1.8.2 -> 1.8.3 was planned, 1.8.3 is installed now\n" in said.err
    assert f"or leave them out: sitecrew run --plan plan.json --exclude {SITE}\n" in said.err
    assert runs(crew) == ()
    assert crew.say("run", "--plan", "plan.json", "--exclude", SITE).code == 0
    assert plugin_version(crew.fleet, OTHER, "harbour-forms") == "1.8.3"


def test_what_is_taken_out_of_the_file_is_not_done_and_what_is_put_in_is_refused(crew: Crew) -> None:
    plan = plan_of(crew)
    [blog] = [site for site in plan["sites"] if site["site"] == SITE]
    [change] = blog["changes"]
    change["to"] = "9.9"
    edit(crew, plan)
    assert "harbour-forms: 1.8.2 -> 9.9 was planned, 1.8.3 is offered now" in refused(crew)
    blog["problems"] = ["the database does not answer"]
    edit(crew, plan)
    assert f"{SITE}: could not be planned: the database does not answer" in refused(crew)
    del blog["problems"]
    blog["changes"] = []
    edit(crew, plan)
    assert crew.say("run", "--plan", "plan.json", "-l", SITE).code == 0
    assert plugin_version(crew.fleet, SITE, "harbour-forms") == "1.8.2"


@pytest.mark.long
def test_a_resumed_run_keeps_to_its_plan_and_leaves_a_site_that_has_moved_meanwhile(crew: Crew) -> None:
    crew.settings("policy: {rings: {soak: 2s}}\n")
    run = crew.start("run", "--plan", "plan.json", "--rings", "acme-shop,acme-blog", "--json")
    read_until(run, "ring.soaking")
    kill(run)
    (crew.folder / "plan.json").unlink()
    crew.fleet.catalogue.plugin("harbour-forms", "1.8.4")
    said = crew.say("resume", "--json")
    assert said.code == 3, said
    assert crew.site(SITE)["why"] == (
        "not updated: the site differs from the locked plan: "
        "harbour-forms: 1.8.2 -> 1.8.3 was planned, 1.8.4 is offered now"
    )
    assert plugin_version(crew.fleet, SITE, "harbour-forms") == "1.8.2"


@pytest.mark.long
def test_a_plan_has_its_steps_already(crew: Crew) -> None:
    assert "-t cannot be combined with --plan" in refused(crew, "-t", "x")
    assert "--skip-tags cannot be combined with --plan" in refused(crew, "--skip-tags", "x")
    assert "--start-at cannot be combined with --plan" in refused(crew, "--start-at", "wordpress.plugins")
    assert "plan.json is a plan of locked, not of weekly" in refused(crew, "weekly")
    assert "variables (-e): none in the plan, NAME now" in refused(crew, "-e", "NAME=secret")
