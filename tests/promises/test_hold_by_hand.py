"""Promise: what an operator holds is not updated, everybody is shown why, and the last day ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import SLUG
from tests.crew import plugin_version
from tests.promises.test_gauntlet import SITE
from tests.promises.test_true_reasons import FINE, change, crew_for

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]


def test_held_item_is_not_updated_and_the_report_has_the_reason(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_for(fresh_fleet, tmp_path, FINE)
    until = (datetime.now(UTC) + timedelta(days=7)).date().isoformat()
    words = ["hold", SLUG, "-l", SITE, "--until", until, "--why", "Christmas sales", "--as", "Ada"]
    assert crew.say(*words).code == 0
    (planned,) = crew.say("plan", "one", "-l", SITE, "--json").json["sites"][0]["changes"]
    assert (planned["action"], planned["why"]) == (
        "hold",
        f"held until {until}: Christmas sales; set by Ada (to lift it: sitecrew unhold {SLUG} -l {SITE})",
    )
    assert crew.say("run", "one", "-l", SITE).code == 0
    held = change(crew)
    assert (held["outcome"], held["why"]) == ("held", f"held until {until}: Christmas sales")
    assert plugin_version(fresh_fleet, SITE, SLUG) == "1.0"
    month = f"{datetime.now(UTC):%Y-%m}"
    client = crew.site(SITE)["client"]
    assert crew.say("report", client, "--period", month).code == 0
    text = (crew.folder / f"reports/out/{client}-{month}.txt").read_text()
    assert "Christmas sales" in text
    assert "Ada" not in text
    assert crew.say("unhold", SLUG, "-l", SITE).code == 0
    assert crew.say("run", "one", "-l", SITE).code == 0
    assert plugin_version(fresh_fleet, SITE, SLUG) == "1.1"
