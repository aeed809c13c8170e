"""A technician adds a host and a site, with every mistake that is made on the way, and meets a bad update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from lab.shell import run
from tests.crew import Crew, plugin_version
from tests.journeys.desk import Desk
from tests.promises.test_gauntlet import PLAYBOOK, SITE, check_well

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

CASE = {case.name: case for case in CASES}
STATIC, HOST = "globex-docs", "web3"
CHECK = "name: Check\nsteps:\n  - probe.http: {expect: '</html>'}\n"


@pytest.fixture
def desk(fleet: Fleet, tmp_path: Path) -> Iterator[Desk]:
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK, CHECK)
    crew.edit("inventory.yaml", "playbook: weekly", "playbook: check")
    return Desk(crew.folder)


def test_mistakes_of_a_second_host_are_named_one_by_one(fleet: Fleet, desk: Desk, tmp_path: Path) -> None:
    host, path = fleet.hosts[HOST], fleet.sites[STATIC].path
    address, key = f"address: {host.address}", f"identity_file: {fleet.identity_file}"
    right = (desk.folder / "inventory.yaml").read_text()

    desk.replace("inventory.yaml", f"{address}\n    port: {host.port}", f"adress: x\n    port: {host.port}")
    code, screen = desk.type("validate")
    assert code == 2
    assert 'did you mean "address"?' in " ".join(screen.split())

    (desk.folder / "inventory.yaml").write_text(right)
    other = tmp_path / "other_key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    before, found, after = right.partition(f"  {HOST}:")
    wrong = after.replace(key, f"identity_file: {other}", 1)
    (desk.folder / "inventory.yaml").write_text(before + found + wrong)
    code, screen = desk.type("doctor", "-l", STATIC)
    assert code != 0
    assert f"{HOST}: " in screen
    assert "refused the login" in " ".join(screen.split()), screen

    (desk.folder / "inventory.yaml").write_text(right.replace(f"path: {path}\n", f"path: {path}-new\n"))
    code, screen = desk.type("doctor", "-l", STATIC)
    assert code != 0
    assert f"{path}-new" in "".join(screen.split()), screen

    (desk.folder / "inventory.yaml").write_text(right)
    code, screen = desk.type("run", "check", "-l", STATIC)
    assert code == 0, screen
    code, screen = desk.type("run", "check", "-l", "globex-dox")
    assert code == 2
    assert "did you mean globex-docs?" in screen


def test_broken_update_is_seen_and_good_one_undone(fleet: Fleet, desk: Desk) -> None:
    prepare(fleet, SITE, CASE["white page"])
    code, screen = desk.type("plan", "gauntlet", "-l", SITE)
    assert code == 0
    assert "1.0 -> 1.1" in screen
    code, screen = desk.type("run", "gauntlet", "-l", SITE)
    assert code == 5, screen
    assert "undone" in screen
    code, screen = desk.type("show", "last")
    assert code == 0
    assert SLUG in screen
    assert plugin_version(fleet, SITE, SLUG) == "1.0"

    prepare(fleet, SITE, CASE["good"])
    desk.type("unhold", SLUG, "-l", SITE)
    code, screen = desk.type("run", "gauntlet", "-l", SITE)
    assert code == 0, screen
    code, screen = desk.type("undo", "last", answers={r"\[y/N\]": "y"})
    assert code == 0, screen
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    check_well(fleet, Crew(fleet, desk.folder.parent / "other", PLAYBOOK))
