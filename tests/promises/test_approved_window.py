"""Promise: a window applies the plan that was approved, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.crew import Crew, plugin_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, OTHER = "acme-blog", "acme-shop"
FORMS = """\
name: Forms
steps:
  - wordpress.plugins: {update: [harbour-forms, copper-crumbs]}
"""


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """With a window that has opened a minute ago and waits for approval."""
    fleet.catalogue.reset()
    fleet.reset(SITE, OTHER)
    crew = Crew(fleet, tmp_path / "crew", FORMS)
    at = datetime.now(UTC) - timedelta(minutes=1)
    inventory = crew.folder / "inventory.yaml"
    inventory.write_text(
        inventory.read_text().partition("windows:")[0]
        + f"windows:\n  forms: {{playbook: forms, day: daily, at: '{at:%H:%M}', timezone: UTC,"
        f" sites: [{SITE}, {OTHER}], approve: all}}\n"
    )
    yield crew
    fleet.catalogue.reset()
    fleet.reset(SITE, OTHER)


def test_approved_plan_is_applied_where_nothing_has_changed(crew: Crew) -> None:
    fleet = crew.fleet
    said = crew.say("tick")
    assert said.code == 0, said
    [waiting] = crew.say("list", "approvals", "--json").json
    planned = {(one["site"], one["item"], one["to"]) for one in waiting["changes"]}
    assert planned == {(name, "harbour-forms", "1.8.3") for name in (SITE, OTHER)}
    assert crew.say("schedule", "list", "--json").json == []

    fleet.install(OTHER, "plugins", "harbour-forms", "1.8.3")
    fleet.catalogue.plugin("copper-crumbs", "0.9.9")
    said = crew.say("approve", "forms", "--as", "ann")
    assert said.out.startswith(f"{waiting['run']}: approved: 2 sites, "), said
    said = crew.say("tick")
    assert said.code == 0, said
    assert plugin_version(fleet, SITE, "harbour-forms") == "1.8.3"
    assert plugin_version(fleet, SITE, "copper-crumbs") == "0.9.7"
    assert crew.site(SITE, waiting["run"])["outcome"] == "changed"
    left = crew.site(OTHER, waiting["run"])
    assert left["outcome"] == "skipped"
    differs = "harbour-forms: 1.8.2 -> 1.8.3 was planned, 1.8.3 is installed now"
    assert left["why"] == f"the approved plan no longer applies: {differs}"
