"""Promise: where nobody lets us in, a change is seen another way or said to be unverified."""

from __future__ import annotations

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
    [("password", ""), ("password", "password"), ("challenge", "challenge"), ("query", "")],
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
