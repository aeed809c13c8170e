"""Promise: where nobody lets us in, a change is seen another way or said to be unverified."""

from __future__ import annotations

import shutil
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.doors import PASSWORD, TOKEN, USER, door
from lab.gauntlet import CASES, SLUG, prepare
from tests.crew import Crew, check_host_is_clean, plugin_version
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import SITE

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

_CASES = {case.name: case for case in CASES}
GOOD, BAD = _CASES["good"], _CASES["fatal on the front only"]
SECRETS = {"DOOR": PASSWORD, "TOKEN": TOKEN}
ACCESS = {
    "password": f"{{user: {USER}, password: {{env: DOOR}}}}",
    "challenge": "{header: {name: X-Access-Token, value: {env: TOKEN}}}",
}


def crew_of(fleet: Fleet, folder: Path, access: str = "") -> Crew:
    crew = Crew(fleet, folder, ONE)
    if access:
        path = f"path: {fleet.sites[SITE].path}\n"
        crew.edit("inventory.yaml", path, f"{path}        access: {access}\n")
    return crew


def change(crew: Crew) -> dict[str, Any]:
    (step,) = crew.site(SITE)["steps"]
    (found,) = step["changes"]
    return dict(found)


@pytest.mark.parametrize(
    ("kind", "access"),
    [
        ("password", ""),
        pytest.param("password", "password", marks=pytest.mark.long),
        pytest.param("challenge", "challenge", marks=pytest.mark.long),
        pytest.param("query", "", marks=pytest.mark.long),
    ],
)
def test_an_update_that_breaks_every_page_is_taken_back_behind_a_door(
    fleet: Fleet, tmp_path: Path, kind: str, access: str
) -> None:
    prepare(fleet, SITE, BAD)
    crew = crew_of(fleet, tmp_path / "crew", ACCESS.get(access, ""))
    with door(fleet, SITE, kind):
        said = crew.say("run", "one", "-l", SITE, "--json", env=SECRETS)
    found = change(crew)
    assert (said.code, found["outcome"]) == (5, "undone"), (said, found)
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    assert httpx.get(fleet.sites[SITE].url, timeout=20).status_code == 200
    check_host_is_clean(fleet, fleet.sites[SITE].host)


NO_PHP_HERE = "<?php if ( 'cli' === PHP_SAPI && ! defined( 'WP_CLI' ) ) { exit( 'not here' ); }"
"""A must-use plugin under which WordPress cannot be run but by wp-cli: nothing can be seen then."""


def shut(fleet: Fleet, text: str = NO_PHP_HERE) -> None:
    folder = fleet.sites[SITE].path / "wp-content/mu-plugins"
    folder.mkdir(exist_ok=True)
    (folder / "shut.php").write_text(text)


@pytest.mark.long
def test_what_nobody_could_check_is_said_everywhere(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, GOOD)
    shut(fleet)
    crew = crew_of(fleet, tmp_path / "crew")
    with door(fleet, SITE, "password"):
        said = crew.say("run", "one", "-l", SITE, "--json")
        found = change(crew)
        assert (said.code, found["outcome"]) == (0, "changed"), (said, found)
        assert "asks for a password (401)" in found["unverified"]
        kept = next(event for event in said.events if event["event"] == "trial.kept")
        assert kept["unverified"] == found["unverified"]
        assert "unverified: the site could not be checked: " in crew.say("show").out
        looks = crew.site(SITE)["looks"]
        assert {(look["seen"], look["healthy"]) for look in looks if look["signal"] == "page"} == {
            ("refused", None)
        }
        report = crew.say("report", "acme", "--period", f"{datetime.now(UTC):%Y-%m}", "--json").json
        assert report["status"] == "attention"
        assert [point["about"] for point in report["undone"]] == ["unseen"]
        assert {line["site"]: line["state"] for line in report["sites"]}[SITE] == "unknown"
        doctor = crew.say("doctor", "-l", SITE)
        assert "changes cannot be verified" in doctor.out + doctor.err


@pytest.mark.parametrize(
    ("policy", "version", "flag", "outcome"),
    [
        pytest.param("", "2.0", "", "held", marks=pytest.mark.long),
        pytest.param("", "2.0", "--unverified", "changed", marks=pytest.mark.long),
        pytest.param("keep", "2.0", "", "changed", marks=pytest.mark.long),
        pytest.param("ask", "1.1", "", "held", marks=pytest.mark.long),
        pytest.param("skip", "1.1", "", "skipped", marks=pytest.mark.long),
        pytest.param("skip", "1.1", "--unverified", "skipped", marks=pytest.mark.long),
    ],
)
def test_the_policy_decides_what_becomes_of_it(  # noqa: PLR0917 - a table's columns
    fleet: Fleet, tmp_path: Path, policy: str, version: str, flag: str, outcome: str
) -> None:
    prepare(fleet, SITE, replace(GOOD, more={"version": version}))
    shut(fleet)
    crew = crew_of(fleet, tmp_path / "crew")
    if policy:
        crew.settings(f"policy: {{unverified: {policy}}}\n")
    with door(fleet, SITE, "password"):
        said = crew.say("run", "one", "-l", SITE, *filter(None, (flag,)))
    found = change(crew)
    assert (said.code, found["outcome"]) == (0, outcome), (said, found)
    assert plugin_version(fleet, SITE, SLUG) == (version if outcome == "changed" else "1.0")
    if outcome == "held":
        assert f"sitecrew run one -l {SITE} --unverified" in found["why"]


@pytest.mark.long
def test_credentials_are_in_nothing_that_is_kept_and_doctor_names_wrong_ones(
    fleet: Fleet, tmp_path: Path
) -> None:
    prepare(fleet, SITE, GOOD)
    crew = crew_of(fleet, tmp_path / "crew", ACCESS["password"])
    with door(fleet, SITE, "password"):
        said = crew.say("run", "one", "-l", SITE, "--json", env=SECRETS)
        assert (said.code, change(crew)["unverified"]) == (0, ""), said
        assert {look["seen"] for look in crew.site(SITE)["looks"] if look["signal"] == "page"} == {"seen"}
        wrong = crew.say("doctor", "-l", SITE, env={"DOOR": "another word"})
        right = crew.say("doctor", "-l", SITE, env=SECRETS)
    assert "the site refuses the credentials of `access`" in wrong.out + wrong.err
    assert "1 page as expected" in right.out + right.err
    told = said.out + said.err + wrong.out + wrong.err + right.out + right.err
    kept = b"".join(path.read_bytes() for path in crew.folder.rglob("*") if path.is_file())
    basic = b64encode(f"{USER}:{PASSWORD}".encode())
    for secret in (PASSWORD.encode(), basic):
        assert secret not in told.encode()
        assert secret not in kept


@pytest.mark.long
@pytest.mark.parametrize(("policy", "outcome"), [("keep", "changed"), ("ask", "held"), ("skip", "skipped")])
def test_a_release_that_nobody_could_check(
    fresh_fleet: Fleet, tmp_path: Path, policy: str, outcome: str
) -> None:
    docs = "globex-docs"
    book = "name: Docs\nsteps:\n  - static.release: {from: dist, adopt: true}\n"
    crew = Crew(fresh_fleet, tmp_path / "crew", book)
    crew.settings(f"policy: {{unverified: {policy}}}\n")
    shutil.copytree(fresh_fleet.sites[docs].path, crew.folder / "dist")
    (crew.folder / "dist/new.html").write_text("<html>A new manual</html>")
    with door(fresh_fleet, docs, "password"):
        said = crew.say("run", "docs", "-l", docs)
    (step,) = crew.site(docs)["steps"]
    assert (said.code, step["outcome"]) == (0, outcome), (said, step)
    assert (fresh_fleet.sites[docs].path / "new.html").exists() is (outcome == "changed")
    if outcome == "changed":
        assert "asks for a password (401)" in step["changes"][0]["unverified"]
    else:
        assert "asks for a password (401)" in step["why"]
