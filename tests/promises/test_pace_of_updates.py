"""Promise: an update that makes a site clearly slower is told to everybody, and one that does not is not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from tests.crew import Crew, plugin_version
from tests.promises.test_usual_rounds import SITE, changes, offer_good, one_by_one, run

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

(SLOW,) = (case for case in CASES if case.name == "takes seconds longer")
NOISE = "<?php add_action( 'template_redirect', function () { usleep( wp_rand( 50000, 400000 ) ); }, 0 );"
MEASURED = "slower than before: / takes 2."


@pytest.mark.parametrize("policy", ["tell", "roll-back"])
def test_a_clear_slowdown_is_told_and_the_policy_decides(fleet: Fleet, tmp_path: Path, policy: str) -> None:
    prepare(fleet, SITE, SLOW)
    crew = Crew(fleet, tmp_path / "crew", one_by_one([SLUG]))
    crew.settings(f"policy: {{slower: {policy}}}\n")
    said = crew.say("run", "one", "-l", SITE)
    found = changes(crew)[SLUG]
    assert found["why"].startswith(MEASURED), (said, found)
    assert MEASURED in said.out + said.err
    assert MEASURED in crew.say("show").out
    kept = policy == "tell"
    assert (said.code, found["outcome"]) == ((0, "changed") if kept else (5, "undone")), said
    assert plugin_version(fleet, SITE, SLUG) == ("1.1" if kept else "1.0")
    month = f"{datetime.now(UTC):%Y-%m}"
    report = crew.say("report", "acme", "--period", month, "--json").json
    (point,) = report["undone"]
    assert point["about"] == ("slower" if kept else "item")
    assert report["status"] == "attention"
    assert crew.say("report", "acme", "--period", month).code == 0
    (text,) = (crew.folder / "reports/out").rglob("*.txt")
    mail = " ".join(text.read_text().split())
    told = "is slower to respond: 2." if kept else "Reason: With it, a page took 2."
    assert told in mail, mail
    fleet.reset(SITE)
    fleet.catalogue.reset()


def test_an_undo_ends_what_is_told_of_it(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, SLOW)
    crew = Crew(fleet, tmp_path / "crew", one_by_one([SLUG]))
    assert crew.say("run", "one", "-l", SITE).code == 0
    said = crew.say("undo", "last", "-l", SITE, "-y")
    assert said.code == 0, said
    month = f"{datetime.now(UTC):%Y-%m}"
    report = crew.say("report", "acme", "--period", month, "--json").json
    assert [point["open"] for point in report["undone"] if point["about"] == "slower"] == [False]
    fleet.reset(SITE)
    fleet.catalogue.reset()


def test_of_twenty_good_updates_on_a_noisy_site_none_is_called_slower(fleet: Fleet, tmp_path: Path) -> None:
    fleet.catalogue.reset()
    fleet.reset(SITE)
    (fleet.sites[SITE].path / "wp-content/mu-plugins/noise.php").write_text(NOISE)
    slugs = offer_good(fleet, "noise", 20)
    crew = Crew(fleet, tmp_path / "crew", one_by_one(slugs))
    said = run(crew, "one")
    told = {slug: (change["outcome"], change["why"]) for slug, change in changes(crew).items()}
    assert told == dict.fromkeys(slugs, ("changed", "")), said
    fleet.reset(SITE)
    fleet.catalogue.reset()
