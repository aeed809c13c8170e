"""Promise: a renamed or moved site or client keeps its history, in `undo`, in lists and in reports."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from tests.crew import Crew, plugin_version
from tests.promises.test_gauntlet import SITE

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

FINE = {case.name: case for case in CASES}["good"]
UPDATE = (
    "name: Update\nsteps:\n  - backup: {include: [database]}\n"
    f"  - wordpress.plugins: {{update: [{SLUG}]}}\n"
)
JOURNAL = "acme-journal"


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Crew:
    """A crew with one run on record, which updated the plugin of a site to 1.1."""
    prepare(fleet, SITE, FINE)
    found = Crew(fleet, tmp_path / "crew", UPDATE)
    assert found.say("run", "update", "-l", SITE).code == 0
    return found


def report(crew: Crew, client: str) -> dict[str, Any]:
    said = crew.say("report", client, "--period", f"{datetime.now(UTC):%Y-%m}", "--json")
    assert said.code == 0, said
    found: dict[str, Any] = said.json
    return found


def test_a_renamed_site_of_a_renamed_client_is_undone_and_reported(fleet: Fleet, crew: Crew) -> None:
    run = crew.show()["run"]
    crew.edit("inventory.yaml", "  acme:\n", "  acme-gmbh:\n    was: acme\n")
    crew.edit("inventory.yaml", f"      {SITE}:\n", f"      {JOURNAL}:\n        was: {SITE}\n")
    [snapshot] = crew.say("backup", "list", SITE, "--json").json

    said = crew.say("undo", run, "-y")
    assert said.code == 0, said
    assert f"site {SITE} is now {JOURNAL}; its history is kept" in said.err
    assert "client acme is now acme-gmbh; its history is kept" in said.err
    assert plugin_version(fleet, SITE, SLUG) == "1.0"

    told = report(crew, "acme-gmbh")
    assert told["evidence"]["runs"] == [run, crew.show()["run"]]
    assert [(one["site"], one["item"], one["to"]) for one in told["undone"]] == [(JOURNAL, SLUG, "1.0")]
    assert {one["site"] for one in told["sites"]} == {"acme-shop", JOURNAL}
    assert "blog" not in json.dumps(told)
    assert [one["snapshot"] for one in crew.say("backup", "list", JOURNAL, "--json").json] == [
        snapshot["snapshot"]
    ]
    [then] = crew.show(run)["sites"]
    [now] = crew.show()["sites"]
    assert (then["site"], now["site"], then["client"], now["client"]) == (
        SITE, JOURNAL, "acme-gmbh", "acme-gmbh",
    )  # fmt: skip
    assert crew.say("list", "sites", "--gone", "--json").json == []
    assert crew.say("report", "acme", "--period", "2026-11").code == 2, "the old id is no client any more"


@pytest.mark.long
def test_a_site_that_moves_in_mid_month_is_in_both_reports(fleet: Fleet, crew: Crew) -> None:
    inventory = crew.folder / "inventory.yaml"
    text = inventory.read_text()
    start = text.index(f"      {SITE}:\n")
    end = text.index("\n", text.index("        expect:", start)) + 1
    site, text = text[start:end], text[:start] + text[end:]
    inventory.write_text(text.replace("      globex-", f"{site}      globex-", 1))
    fleet.catalogue.plugin(SLUG, "1.2")
    said = crew.say("run", "update", "-l", SITE)
    assert said.code == 0, said
    acme, globex = report(crew, "acme"), report(crew, "globex")
    assert updates(acme) == [(SITE, "1.0", "1.1")]
    assert updates(globex) == [(SITE, "1.1", "1.2")]
    for told in (acme, globex):
        assert SITE in {one["site"] for one in told["sites"]}
        assert [one["taken"] for one in told["backups"] if one["site"] == SITE] == [1]
        assert len(told["evidence"]["runs"]) == 1
    assert acme["evidence"]["runs"] != globex["evidence"]["runs"]


def updates(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["site"], one["from"], one["to"]) for one in told["done"]]
