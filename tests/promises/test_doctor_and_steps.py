"""Promise: what a step needs and lacks is reported by doctor and plan before a run fails by it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.shell import run
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "globex-docs"
CASES = {
    "secret": (
        "shell: {run: 'true', env: {TOKEN: {env: LAB_NOT_SET}}}",
        "the environment variable LAB_NOT_SET is not set",
    ),
    "build-here": (
        "static.build: {run: make, folder: 'src/{site}'}",
        "there is no folder src/globex-docs on the controller",
    ),
    "build-there": (
        "static.build: {run: make, folder: src/blog, where: host}",
        "there is no folder src/blog on the host",
    ),
    "release": ("static.release: {from: dist}", "is a folder, not a link to a release"),
    "release-of-a-build": (
        "static.build: {run: make, folder: dist}\n  - static.release: {}",
        "is a folder, not a link to a release",
    ),
    "sync": ("files.sync: {from: nowhere, to: assets}", "there is no folder"),
    "backup": ("backup", "closed/key.pem cannot be read"),
    "backup-folder": ("backup: {exclude: ['*.pem']}", "locked cannot be read"),
}
SLOW = {"build-here", "sync", "backup"}


@pytest.fixture
def docs(fleet: Fleet) -> Iterator[Fleet]:
    site = fleet.sites[SITE].path
    (site / "closed").mkdir()
    (site / "closed/key.pem").write_text("of root")
    (site / "closed/key.pem").chmod(0o600)
    (site / "locked").mkdir(mode=0o700)
    yield fleet
    run("rm", "-rf", str(site / "closed"), str(site / "locked"))


def told(checks: list[dict[str, Any]], words: str) -> bool:
    return any(not one["ok"] and words in one["finding"] for one in checks)


@pytest.mark.skipif(os.geteuid() != 0, reason="files of another account")
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.long] if case in SLOW else []) for case in CASES]
)
def test_what_a_step_lacks_is_found_before_the_run(docs: Fleet, tmp_path: Path, case: str) -> None:
    step, words = CASES[case]
    crew = Crew(docs, tmp_path / "crew", f"name: Night\nsteps:\n  - {step}\n")
    (crew.folder / "dist").mkdir()
    (crew.folder / "dist/index.html").write_text("<p>hello</p>")
    doctor = crew.say("doctor", "night", "-l", SITE, "--json")
    assert told(doctor.json["checks"], words), doctor.json["checks"]
    assert doctor.code == 3
    (planned,) = crew.say("plan", "night", "-l", SITE, "--json").json["sites"]
    assert any(words in problem for problem in planned["problems"]), planned
    said = crew.say("run", "night", "-l", SITE, "-y")
    assert said.code in {2, 3}, said


def test_the_playbooks_of_the_windows_are_asked_without_being_named(docs: Fleet, tmp_path: Path) -> None:
    crew = Crew(docs, tmp_path / "crew", f"name: Night\nsteps:\n  - {CASES['sync'][0]}\n")
    assert not told(crew.say("doctor", "-l", SITE, "--json").json["checks"], "night:")
    crew.edit("inventory.yaml", "playbook: weekly", "playbook: night")
    assert told(crew.say("doctor", "-l", SITE, "--json").json["checks"], "night: there is no folder")


def test_nothing_is_reported_where_all_is_there(docs: Fleet, tmp_path: Path) -> None:
    book = """name: Night
steps:
  - shell: {run: 'true', env: {TOKEN: {env: LAB_SET}}}
  - backup: {exclude: [closed, locked]}
  - files.sync: {from: dist, to: assets}
"""
    crew = Crew(docs, tmp_path / "crew", book)
    (crew.folder / "dist").mkdir()
    (crew.folder / "dist/index.html").write_text("<p>hello</p>")
    crew.edit("inventory.yaml", "playbook: weekly", "playbook: night")
    said = crew.say("doctor", "night", "-l", SITE, env={"LAB_SET": "a long secret"})
    assert said.code == 0, said
    assert "no problems found" in said.err
    assert "a long secret" not in said.out + said.err


def test_a_client_without_contacts_is_reported(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path / "crew", "name: Night\nsteps:\n  - shell: 'true'\n")
    told_of = "client globex has no contacts: its reports cannot be sent"
    assert told_of not in crew.say("doctor", "-l", SITE).out
    inventory = crew.folder / "inventory.yaml"
    inventory.write_text(re.sub(r"    contacts: .*\n", "", inventory.read_text()))
    said = crew.say("doctor", "-l", SITE)
    assert told_of in said.out
    assert "acme" not in said.out
