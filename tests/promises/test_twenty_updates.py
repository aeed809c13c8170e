"""Promise: of twenty updates the bad ones are found and held, the others stay, and it takes few looks."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.batch import DIES, FATAL, LAYOUT, TOGETHER, prepare_batch, turn
from tests.crew import Crew, check_nobody_is_left

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLUGINS = "name: Twenty\nsteps:\n  - wordpress.plugins: {update: [%s]}\n"
THEMES = PLUGINS.replace("plugins", "themes")
ONE = 2 * math.log2(20) + 2
THREE = 6 * math.log2(20) + 4


@pytest.mark.long
def test_one_that_says_nothing_is_found_by_trying_parts(fleet: Fleet, tmp_path: Path) -> None:
    (bad,) = places(1, seed=1)
    step = carried(fleet, tmp_path, prepare_batch(fleet, SITE, {bad: LAYOUT}), code=5)
    assert undone(step) == {turn(bad): "has lost its stylesheets"}
    assert step["looks"] - 1 <= math.ceil(ONE)  # the look before the first change belongs to no search


@pytest.mark.long
def test_one_that_is_fatal_on_load_is_found_by_its_own_words(fleet: Fleet, tmp_path: Path) -> None:
    (bad,) = places(1, seed=2)
    step = carried(fleet, tmp_path, prepare_batch(fleet, SITE, {bad: FATAL}), code=5)
    assert undone(step) == {turn(bad): "turnstile_is_missing"}
    assert step["trials"] == 3
    assert step["looks"] <= ONE


@pytest.mark.long
def test_three_are_found(fleet: Fleet, tmp_path: Path) -> None:
    first, second, third = places(3, seed=3)
    bad = {first: LAYOUT, second: FATAL, third: LAYOUT}
    step = carried(fleet, tmp_path, prepare_batch(fleet, SITE, bad), code=5)
    assert set(undone(step)) == {turn(number) for number in bad}
    assert step["trials"] <= THREE
    assert step["looks"] <= THREE


@pytest.mark.long
def test_of_two_that_break_only_together_one_is_kept(fleet: Fleet, tmp_path: Path) -> None:
    pair = places(2, seed=4)
    step = carried(fleet, tmp_path, prepare_batch(fleet, SITE, dict.fromkeys(pair, TOGETHER)), code=5)
    (held,) = undone(step)
    assert held in {turn(number) for number in pair}


@pytest.mark.long
def test_of_six_themes_the_bad_one_is_found(fleet: Fleet, tmp_path: Path) -> None:
    slugs = prepare_batch(fleet, SITE, {5: FATAL}, count=6, kind="themes")
    step = carried(fleet, tmp_path, slugs, code=5, text=THEMES)
    assert undone(step) == {turn(5): "turnstile_is_missing"}


def test_a_fatal_in_the_middle_of_the_batch_stops_nobody_else(fleet: Fleet, tmp_path: Path) -> None:
    """One dies before its files are exchanged, one after: the others go on in the next boot, in one trial."""
    before, after = places(2, seed=5)
    old = {before: DIES % "upgrader_pre_install", after: DIES % "upgrader_post_install"}
    slugs = prepare_batch(fleet, SITE, {}, old=old)
    crew = Crew(fleet, tmp_path / "crew", PLUGINS % ", ".join(slugs))
    assert crew.say("run", "twenty", "-l", SITE).code == 3
    (step,) = crew.site(SITE)["steps"]
    found = {change["item"]: change for change in step["changes"]}
    assert "turnstile_is_missing" in found.pop(turn(before))["why"]
    assert {change["outcome"] for change in found.values()} == {"changed"}
    assert step["trials"] == 1
    versions = dict.fromkeys(slugs, "1.1") | {turn(before): "1.0"}
    assert installed(fleet, "plugin", slugs) == versions
    check_well(fleet)


@pytest.mark.long
def test_packages_come_side_by_side_and_once(fleet: Fleet, tmp_path: Path) -> None:
    """Also where the first trial fails; what is not what wordpress.org published is left out."""
    bad, forged = places(2, seed=6)
    slugs = prepare_batch(fleet, SITE, {bad: FATAL})
    with fleet.catalogue.switched(delay={"*": 0.5}, forged=(turn(forged),)):
        crew = Crew(fleet, tmp_path / "crew", PLUGINS % ", ".join(slugs))
        fleet.catalogue.forget()
        assert crew.say("run", "twenty", "-l", SITE).code == 3
        fetched = fleet.catalogue.downloads()
    (step,) = crew.site(SITE)["steps"]
    outcomes = {change["item"]: change["outcome"] for change in step["changes"]}
    assert outcomes.pop(turn(bad)) == "undone"
    assert outcomes.pop(turn(forged)) == "failed"
    assert set(outcomes.values()) == {"changed"}
    times = Counter(one.path for one in fetched if turn(forged) not in one.path)
    assert set(times.values()) == {1}
    assert len(times) == 19
    first = fetched[:20]
    assert first[-1].at - first[0].at < 0.5 * 20 / 2
    room = fleet.spec.home(fleet.sites[SITE].host) / ".sitecrew/restore"
    assert not list(room.glob("*/*/packages"))
    check_well(fleet)


def places(count: int, *, seed: int) -> list[int]:
    return random.Random(seed).sample(range(20), count)  # noqa: S311 - the same at every run


def carried(fleet: Fleet, tmp_path: Path, slugs: Sequence[str], *, code: int, text: str = PLUGINS) -> Any:
    """Run the update of all of them; returns the one step, once what must always hold was checked."""
    crew = Crew(fleet, tmp_path / "crew", text % ", ".join(slugs))
    said = crew.say("run", "twenty", "-l", SITE, "--json")
    assert said.code == code, said
    (step,) = crew.site(SITE)["steps"]
    versions = {c["item"]: "1.0" if c["outcome"] == "undone" else "1.1" for c in step["changes"]}
    assert {c["outcome"] for c in step["changes"]} <= {"changed", "undone"}
    assert set(versions) == set(slugs)
    assert installed(fleet, "plugin" if text == PLUGINS else "theme", slugs) == versions
    check_well(fleet)
    check_held(crew, step)
    return step


def undone(step: Any) -> dict[str, str]:
    """Item to the known words that its reason holds."""
    words = ("has lost its stylesheets", "turnstile_is_missing")
    return {
        change["item"]: next((word for word in words if word in change["why"]), change["why"])
        for change in step["changes"]
        if change["outcome"] == "undone"
    }


def check_held(crew: Crew, step: Any) -> None:
    """What was undone is named by `show` and in the client's report, and `plan` says that it is held."""
    month = f"{datetime.now(UTC):%Y-%m}"
    reported = crew.say("report", "acme", "--period", month, "--json").json["undone"]
    assert set(undone(step)) <= {point["item"] for point in reported}
    shown = crew.say("show").out
    planned = crew.say("plan", "twenty", "-l", SITE, "--json").json["sites"][0]["changes"]
    assert {c["item"] for c in planned if c["action"] == "hold"} == set(undone(step))
    assert not [c for c in planned if c["action"] == "change"]
    for item in undone(step):
        assert any(item in line and "undone" in line for line in shown.splitlines()), shown
    assert f"{step['trials']} trials, {step['looks']} looks" in shown


def check_well(fleet: Fleet) -> None:
    site = fleet.sites[SITE]
    page = httpx.get(site.url, timeout=20)
    assert (page.status_code, site.expect in page.text) == (200, True)
    assert "stylesheet" in page.text
    assert not (site.path / ".maintenance").exists()
    check_nobody_is_left(fleet, site.host)


def installed(fleet: Fleet, kind: str, slugs: Sequence[str]) -> dict[str, str]:
    rows = fleet.wp(SITE, kind, "list", "--format=csv", "--fields=name,version").splitlines()[1:]
    return {slug: version for slug, version in (row.split(",") for row in rows) if slug in slugs}
