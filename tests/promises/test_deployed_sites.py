"""Promise: code that Composer or a deployment looks after is recognised and held, with what to do instead."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lab.deployments import as_bedrock, as_releases
from lab.shell import run
from runner.backup import FILES, ArchiveStore
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
SLUG = "harbour-forms"
OWN, CHECKOUT = "put-there-by-hand", "checked-out"
ALL = "name: Everything\nsteps:\n  - wordpress.plugins\n  - wordpress.themes\n  - wordpress.core: minor\n"
KEEP = "name: Keep\nsteps:\n  - backup: {include: [files]}\n"


@pytest.fixture
def deployed(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """A crew; what a test makes of the site is taken away again."""
    fleet.up()
    fleet.reset(SITE)
    for slug in (OWN, CHECKOUT):
        for version in ("1.0", "1.1"):
            fleet.catalogue.plugin(slug, version)
        fleet.install(SITE, "plugins", slug, "1.0")
    fleet.wp(SITE, "plugin", "activate", OWN)
    web = fleet.sites[SITE].path
    yield Crew(fleet, tmp_path / "crew", ALL, KEEP)
    if web.is_symlink():
        web.unlink()
    for name in ("project", "app"):
        shutil.rmtree(web.with_name(f"{web.name}-{name}"), ignore_errors=True)
    fleet.processes.stop("php-fpm")  # PHP remembers for minutes where a link led
    fleet.up()
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.parametrize(
    "fixed",
    [False, pytest.param(True, marks=pytest.mark.long)],
    ids=["files may change", "DISALLOW_FILE_MODS"],
)
def test_what_composer_locked_is_held_with_its_command(fleet: Fleet, deployed: Crew, *, fixed: bool) -> None:
    project = as_bedrock(fleet, SITE, {SLUG: "1.0.0"}, fixed=fixed)
    deployed.edit("inventory.yaml", f"path: {fleet.sites[SITE].path}", f"path: {project / 'web/wp'}")
    (project / f"web/app/plugins/{CHECKOUT}/.git").mkdir()
    before = tree(project)

    changes = plan_of(deployed)
    new = versions(deployed)[SLUG]
    there = f"managed by Composer ({project}/composer.lock); update it there: composer require"
    assert changes[SLUG] == ("hold", f"{there} wpackagist-plugin/{SLUG}:{new}")
    assert changes["core"] == ("hold", f"{there} roots/wordpress-no-content:7.1.2")
    assert changes[CHECKOUT][1] == "a git checkout, which an update would overwrite; update it there"
    assert changes[OWN][0] == ("hold" if fixed else "change")

    said = deployed.say("run", "everything", "-l", SITE)
    assert said.code == 0, said.err
    changed = {path for path, content in tree(project).items() if before.get(path) != content}
    assert {path.split("/")[3] for path in changed} == (set() if fixed else {OWN}), changed

    doctor = deployed.say("doctor", "-l", SITE)
    assert f"Composer manages 2 of its packages ({project}/composer.lock): updates are held" in doctor.out


@pytest.mark.long
def test_a_release_is_left_as_it_was_deployed_unless_the_inventory_says_otherwise(
    fleet: Fleet, deployed: Crew
) -> None:
    web = fleet.sites[SITE].path
    release = as_releases(fleet, SITE)
    deployed.edit("inventory.yaml", f"path: {web}", f"path: {web.with_name(web.name + '-app')}/current")
    held = plan_of(deployed)
    assert {action for action, _ in held.values()} == {"hold"}
    assert {why for _, why in held.values()} == {
        f"part of the release {release}: the next deployment replaces it; update it there"
    }

    deployed.edit("inventory.yaml", "/current", "/current\n        managed_by: wordpress")
    assert plan_of(deployed)[SLUG][0] == "change"
    new = versions(deployed)[SLUG]
    said = deployed.say("run", "everything", "-l", SITE)
    assert said.code == 0, said.err
    assert f"Version: {new}" in (release / f"wp-content/plugins/{SLUG}/{SLUG}.php").read_text()


@pytest.mark.long
def test_a_backup_of_bedrock_holds_what_its_constants_and_its_configuration_name(
    fleet: Fleet, deployed: Crew, tmp_path: Path
) -> None:
    project = as_bedrock(fleet, SITE, {SLUG: "1.0.0"})
    (project / "web/app/cache").mkdir()
    (project / "web/app/cache/page.html").write_text("a cached page")
    deployed.edit("inventory.yaml", f"path: {fleet.sites[SITE].path}", f"path: {project / 'web/wp'}")
    said = deployed.say("run", "keep", "-l", SITE)
    assert said.code == 0, said.err
    store = ArchiveStore(deployed.folder / ".sitecrew/backups")
    [snapshot] = store.snapshots(SITE)
    run("tar", "-xzf", store.folder / SITE / snapshot.snapshot / FILES, "-C", tmp_path)
    kept = tmp_path / str(project).lstrip("/")
    for name in (".env", "composer.lock", f"web/app/plugins/{SLUG}/{SLUG}.php"):
        assert (kept / name).read_bytes() == (project / name).read_bytes()
    assert (tmp_path / "wp-load.php").exists()
    assert (tmp_path / "wp-config.php").read_bytes() == (project / "web/wp-config.php").read_bytes()
    assert not (kept / "web/app/cache/page.html").exists()
    assert tree(kept / "web/app/uploads") == tree(project / "web/app/uploads")


@pytest.mark.long
def test_a_deployment_that_cannot_be_recognised_is_stated(fleet: Fleet, deployed: Crew) -> None:
    web = fleet.sites[SITE].path
    web.rename(web.with_name(f"{web.name}-app"))
    web.symlink_to(web.with_name(f"{web.name}-app"))
    deployed.edit("inventory.yaml", f"path: {web}", f"path: {web}\n        managed_by: deployment")
    assert {why for _, why in plan_of(deployed).values()} == {
        "the code is deployed (`managed_by: deployment`): update it in the deployed project"
    }


@pytest.mark.long
def test_a_checkout_of_the_whole_site_is_said_until_somebody_says_what_it_means(
    fleet: Fleet, deployed: Crew
) -> None:
    web = fleet.sites[SITE].path
    (web / ".git").mkdir()
    said = deployed.say("plan", "everything", "-l", SITE, "--json").json["sites"][0]
    checkout = f"{web} is a checkout: updates change its files, and the next deployment may revert them"
    assert any(note.startswith(checkout) for note in said["notes"]), said["notes"]
    assert f"{web} is a checkout: updates of the site are changes" in deployed.say("doctor", "-l", SITE).out

    deployed.edit("inventory.yaml", f"path: {web}", f"path: {web}\n        managed_by: wordpress")
    said = deployed.say("plan", "everything", "-l", SITE, "--json").json["sites"][0]
    assert not any("checkout" in note for note in said["notes"])


def plan_of(crew: Crew) -> dict[str, tuple[str, str]]:
    """Action and reason of each item that the plan names."""
    return {change["item"]: (change["action"], change["why"]) for change in planned(crew)}


def versions(crew: Crew) -> dict[str, str]:
    return {change["item"]: change["to"] for change in planned(crew)}


def planned(crew: Crew) -> list[dict[str, str]]:
    said = crew.say("plan", "everything", "-l", SITE, "--json")
    assert said.out, said.err
    [site] = said.json["sites"]
    assert not site["problems"], site["problems"]
    changes: list[dict[str, str]] = site["changes"]
    return changes


def tree(project: Path) -> dict[str, bytes]:
    """The files of the code by their paths; uploads and caches aside."""
    files = (path for path in project.rglob("*") if path.is_file() and "uploads" not in path.parts)
    return {str(path.relative_to(project)): path.read_bytes() for path in files}
