"""Promise: WordPress itself is exchanged whole or not at all, and goes back the same way."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lab.hosts import command
from lab.shell import LabError, mounted
from lab.visitors import Crowd
from tests.crew import Crew, check_nobody_is_left, ended
from tests.promises.test_gauntlet import check_well

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-shop"
PLAYBOOK = "name: Core\nsteps:\n  - wordpress.core: {update: all}\n"
FATAL = "<?php\nfunction_that_is_missing();"
OTHERS = ("core/6.5.6", "core/7.1.1", "core/7.1.2")


@dataclass(frozen=True)
class Case:
    """A version of WordPress that is not what it should be, and what an honest tool finds."""

    name: str
    outcome: str
    because: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    cut: int = 0


CASES = (
    Case("fatal in wp-includes", "undone", "does not start", {"edits": {"wp-includes/plugin.php": FATAL}}),
    Case("fatal on the front only", "undone", "500", {"edits": {"wp-includes/template-loader.php": FATAL}}),
    Case("a file is missing", "undone", "does not start", {"without": ("wp-includes/formatting.php",)}),
    Case(
        "a file was tampered with",
        "failed",
        "wp-login.php in the package does not match its checksum on wordpress.org",
        {"edits": {"wp-login.php": "@ "}, "genuine": False},
    ),
    Case("the version inside is another", "failed", "the version of the package is 6.5.8", {"says": "6.5.8"}),
    Case("the download is cut", "failed", "", cut=100_000),
)
USUAL = {"the version inside is another"}
"""One that is refused; the others are `long`, because a major version that breaks is tested below."""


@pytest.fixture
def shop(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    fleet.catalogue.reset()
    fleet.reset(SITE)
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    crew.settings("policy:\n  updates: {core: {major: {after: 0d}}}\n")
    yield crew
    fleet.catalogue.reset()


@pytest.fixture
def elsewhere(shop: Crew) -> Iterator[Path]:
    """The account's own folder, on another file system than its site."""
    place = shop.fleet.spec.home("web1") / ".sitecrew"
    shop.fleet.reset()
    place.mkdir()
    options = f"mode=700,uid={place.parent.stat().st_uid}"
    with mounted(place, "-t", "tmpfs", "-o", options, "tmpfs"):
        yield place
    place.rmdir()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            marks=[] if case.name in USUAL else [pytest.mark.long],
            id=case.name.replace(" ", "-"),
        )
        for case in CASES
    ],
)
def test_a_version_that_is_not_well_is_found_out_and_the_site_is(shop: Crew, case: Case) -> None:
    fleet = shop.fleet
    fleet.catalogue.core("6.5.7", **case.more)
    fleet.catalogue.switch(hidden=OTHERS, cut={"wordpress": case.cut} if case.cut else {})
    before = files(fleet.sites[SITE].path)
    said = shop.say("run", "core", "-l", SITE, "--json")
    [change] = shop.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], change["why"]) == (case.outcome, change["why"]), said.err
    assert case.because in change["why"]
    check_whole(shop, "6.5.5")
    assert files(fleet.sites[SITE].path) == before


@pytest.mark.long
def test_a_major_version_brings_its_files_and_leaves_what_is_the_sites_own(shop: Crew) -> None:
    root = shop.fleet.sites[SITE].path
    own = {
        ".htaccess": "# mine",
        "robots.txt": "User-agent: *",
        "google1234.html": "google",
        "wp-admin/.htaccess": "Require valid-user",
        "wp-includes/images/mine.png": "mine",
    }
    for name, text in own.items():
        (root / name).write_text(text)
        shutil.chown(root / name, shop.fleet.hosts["web1"].user, shop.fleet.hosts["web1"].user)
    config = (root / "wp-config.php").read_bytes()
    heard = root / "wp-content/mu-plugins/hear.php"
    heard.write_text(
        "<?php add_action( '_core_updated_successfully', function ( $version ) {"
        " update_option( 'heard_version', $version ); } );"
        "add_action( 'upgrader_process_complete', function ( $u, $about ) {"
        " update_option( 'heard_' . $about['type'], $about['action'] . ' ' . get_class( $u ) ); }, 10, 2 );"
    )
    assert shop.say("run", "core", "-l", SITE).code == 0
    check_whole(shop, "7.1.2")
    assert {name: (root / name).read_text() for name in own} == own
    assert (root / "wp-config.php").read_bytes() == config
    assert not (root / "wordpress-remote-asset-paths").exists()  # the new version has none
    assert (root / "license.txt").exists()
    assert shop.fleet.wp(SITE, "option", "get", "heard_version").strip() == "7.1.2"
    assert shop.fleet.wp(SITE, "option", "get", "heard_core").strip() == "update Core_Upgrader"


@pytest.mark.long
def test_visitors_notice_neither_a_major_version_nor_its_undo_by_hand(shop: Crew) -> None:
    before = files(shop.fleet.sites[SITE].path)
    crowd = Crowd(shop.fleet.sites[SITE].url, rate=30)
    with crowd.coming():
        assert shop.say("run", "core", "-l", SITE).code == 0
        check_whole(shop, "7.1.2")
        said = shop.say("undo", "last", "-l", SITE, "-y")
    assert said.code == 0, said
    assert crowd.asked > 50
    assert crowd.failed <= 1
    check_whole(shop, "6.5.5")
    assert files(shop.fleet.sites[SITE].path) == before


@pytest.mark.long
def test_where_restore_points_lie_in_the_site_an_undo_finds_them_and_they_do_not_stay_for_ever(
    shop: Crew, elsewhere: Path, tmp_path: Path
) -> None:
    root = shop.fleet.sites[SITE].path
    before = files(root)
    old, alien = root / ".sitecrew-0123456789ab", root / "sitecrew-archive"
    for folder in (old, alien):
        folder.mkdir()
        shutil.copystat(root, folder)
        os.chown(folder, root.stat().st_uid, root.stat().st_gid)
        os.utime(folder, (time.time() - 15 * 86400,) * 2)
    crew = Crew(shop.fleet, tmp_path / "minor", PLAYBOOK.replace("all", "minor"))
    try:
        assert crew.say("run", "core", "-l", SITE).code == 0, crew.site(SITE)
        assert not list(elsewhere.glob("restore/*/*/*/old"))
        [kept] = root.glob(".sitecrew-*")
        assert (kept / "old/wp-includes/version.php").exists()
        assert alien.exists()
        assert crew.say("undo", "last", "-y").code == 0
    finally:
        for folder in (*root.glob(".sitecrew-*"), alien):
            shutil.rmtree(folder)
    check_whole(crew, "6.5.5")
    assert files(root) == before


def test_a_major_version_that_breaks_goes_back_and_wp_admin_asks_for_no_upgrade(shop: Crew) -> None:
    fleet = shop.fleet
    before = files(fleet.sites[SITE].path)
    fleet.catalogue.core("7.1.3", like="7.1.1", edits={"wp-includes/template-loader.php": FATAL})
    assert shop.say("run", "core", "-l", SITE).code == 5
    check_whole(shop, "6.5.5")
    assert files(fleet.sites[SITE].path) == before
    assert "already at latest db version" in fleet.wp(SITE, "core", "update-db", "--dry-run")


@pytest.mark.long
@pytest.mark.parametrize(
    "moment",
    ["package", "begun", "old/wp-includes", "done"],
)
def test_killed_in_the_middle_it_is_whole_again(shop: Crew, moment: str) -> None:
    fleet = shop.fleet
    process = shop.start("run", "core", "-l", SITE, "--json")
    kill_at(fleet, moment)
    said = ended(process)
    [change] = shop.site(SITE)["steps"][0]["changes"]
    assert change["outcome"] in {"failed", "changed", "undone"}, said.err
    check_whole(shop, "7.1.2" if change["outcome"] == "changed" else "6.5.5")


@pytest.mark.parametrize(
    "moment", ["done", *(pytest.param(one, marks=pytest.mark.long) for one in ("package", "begun"))]
)
def test_killed_with_all_of_its_job_it_is_whole_again(shop: Crew, moment: str) -> None:
    fleet = shop.fleet
    process = shop.start("run", "core", "-l", SITE, "--json")
    kill_at(fleet, moment, only="")
    said = ended(process)
    [change] = shop.site(SITE)["steps"][0]["changes"]
    assert change["outcome"] in {"failed", "changed", "undone"}, said
    check_whole(shop, "7.1.2" if change["outcome"] == "changed" else "6.5.5")


def kill_at(fleet: Fleet, moment: str, only: str = "php") -> None:
    """`kill -9` for every PHP program on the host, or every one, as soon as that is in the restore point."""
    room = fleet.spec.home("web1") / ".sitecrew/restore"
    end = time.monotonic() + 60
    while not list(room.glob(f"*/*/*/{moment}")):
        assert time.monotonic() < end, moment
    for pid in fleet.jobs("web1"):
        if only in command(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def check_whole(shop: Crew, version: str) -> None:
    """One version, file by file, and nothing left of the work."""
    fleet = shop.fleet
    check_well(fleet, shop, SITE)
    assert fleet.wp(SITE, "core", "version").strip() == version
    assert "verifies against checksums" in fleet.wp(SITE, "core", "verify-checksums")
    with pytest.raises(LabError, match=r"core_updater\.lock"):
        fleet.wp(SITE, "option", "get", "core_updater.lock")
    assert not list(fleet.sites[SITE].path.glob(".sitecrew-*"))
    check_nobody_is_left(fleet, "web1")


def files(root: Path) -> dict[str, bytes]:
    """All of WordPress, byte by byte."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "wp-content" not in path.parts
    }
