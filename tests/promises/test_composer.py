"""Promise: what Composer manages is updated by Composer, lock file and all, or left exactly as it was."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.composer import as_composed, as_trellis, composed, repository
from lab.ownership import owned
from lab.shell import run
from tests.crew import Crew, at_work, upon, work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet
    from lab.composer import Repository

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
FORMS, CRUMBS = "harbour-forms", "copper-crumbs"
BROKEN = "add_action( 'template_redirect', function () { missing(); } );"
PLAYBOOK = "name: Composer\nsteps:\n  - wordpress.composer\n"


@pytest.fixture
def source(fleet: Fleet) -> Iterator[Repository]:
    """Where packages come from; the site is its old self afterwards."""
    fleet.up()
    fleet.catalogue.reset()
    fleet.reset(SITE)
    web = fleet.sites[SITE].path
    with repository(fleet.catalogue) as found:
        yield found
    if web.is_symlink():
        web.unlink()
    shutil.rmtree(web.with_name(f"{web.name}-project"), ignore_errors=True)
    fleet.processes.stop("php-fpm")  # PHP remembers for minutes where a link led
    fleet.up()
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.fixture
def project(fleet: Fleet, source: Repository) -> Path:
    """A Bedrock site: WordPress pinned to one version, plugins by what they may become."""
    fleet.catalogue.plugin(CRUMBS, "0.9.8")
    fleet.catalogue.plugin(FORMS, "2.0.0")
    require = {
        "roots/wordpress": "7.1.1",
        f"wpackagist-plugin/{FORMS}": "^1.8",
        f"wpackagist-plugin/{CRUMBS}": "0.9.7",
    }
    return as_composed(fleet, SITE, source, require)


@pytest.fixture
def crew(fleet: Fleet, project: Path, tmp_path: Path) -> Crew:
    made = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    made.edit("inventory.yaml", f"path: {fleet.sites[SITE].path}", f"path: {project / 'web/wp'}")
    return made


@pytest.mark.long
def test_a_good_update_is_kept_and_the_lock_file_says_what_is_installed(
    fleet: Fleet, crew: Crew, project: Path
) -> None:
    only(crew, FORMS)
    before = locked(project)
    said = crew.say("run", "composer", "-l", SITE)
    assert said.code == 0, said
    assert outcomes(crew) == {FORMS: "changed"}
    assert locked(project) == before | {f"wpackagist-plugin/{FORMS}": "1.8.3"}
    check_consistent(fleet, project)


@pytest.mark.long
def test_good_updates_are_kept_with_wordpress_itself_and_go_back_by_hand(
    fleet: Fleet, crew: Crew, project: Path
) -> None:
    assert plan_of(crew) == {
        "core": ("7.1.1", "7.1.2", "change"),
        FORMS: ("1.8.2", "1.8.3", "change"),
        CRUMBS: ("0.9.7", "0.9.8", "change"),
    }
    said = crew.say("run", "composer", "-l", SITE)
    assert said.code == 0, said
    assert outcomes(crew) == dict.fromkeys(("core", FORMS, CRUMBS), "changed")
    assert locked(project) == {
        "roots/wordpress": "7.1.2",
        "roots/wordpress-no-content": "7.1.2",
        f"wpackagist-plugin/{FORMS}": "1.8.3",
        f"wpackagist-plugin/{CRUMBS}": "0.9.8",
    }
    assert required(project)["roots/wordpress"] == "7.1.2"
    assert required(project)[f"wpackagist-plugin/{FORMS}"] == "^1.8"
    check_consistent(fleet, project)
    check_answers(fleet)

    undone = crew.say("undo", "last", "-l", SITE, "-y")
    assert undone.code == 0, undone
    assert set(outcomes(crew).values()) == {"undone"}
    assert required(project)["roots/wordpress"] == "7.1.1"
    assert locked(project)[f"wpackagist-plugin/{FORMS}"] == "1.8.2"
    check_consistent(fleet, project)
    check_answers(fleet)


@pytest.mark.long
def test_of_two_updates_the_bad_one_is_found_and_the_good_one_committed(
    fleet: Fleet, crew: Crew, project: Path
) -> None:
    """Also what `deploy` brought elsewhere, and what git would commit."""
    as_git(project)
    fleet.catalogue.plugin(FORMS, "1.8.4", php=BROKEN)
    (project / "deploy.sh").write_text("cp composer.lock deployed.lock\n")
    assert plan_of(crew)[FORMS] == ("1.8.2", "1.8.4", "change")
    crew.playbook(
        "composer",
        "name: Composer\nsteps:\n  - wordpress.composer:\n"
        f"      {{update: [{FORMS}, {CRUMBS}], commit: true, deploy: sh deploy.sh}}\n",
    )
    with at_work(crew) as session:
        ending = work(session, "composer", SITE)
    assert ending.outcome == "undone", ending
    assert outcomes(crew) == {FORMS: "undone", CRUMBS: "changed"}
    assert locked(project)[f"wpackagist-plugin/{FORMS}"] == "1.8.2"
    assert locked(project)[f"wpackagist-plugin/{CRUMBS}"] == "0.9.8"
    assert (project / "deployed.lock").read_bytes() == (project / "composer.lock").read_bytes()
    check_consistent(fleet, project)
    check_answers(fleet)
    assert git(project, "status", "--porcelain", "composer.json", "composer.lock") == ""
    log = git(project, "log", "--format=%B", "--name-only")
    assert f"wpackagist-plugin/{CRUMBS} 0.9.7 -> 0.9.8" in log
    assert f"wpackagist-plugin/{FORMS}" not in log
    assert {name for name in log.splitlines() if name.endswith((".php", ".sh"))} == set()
    assert "broke this site" in reasons(crew)[FORMS]


@pytest.mark.long
def test_one_bad_update_leaves_every_file_as_it_was(fleet: Fleet, crew: Crew, project: Path) -> None:
    fleet.catalogue.plugin(FORMS, "1.8.4", php=BROKEN)
    only(crew, FORMS)
    before = tree(project)
    said = crew.say("run", "composer", "-l", SITE)
    assert said.code == 5, said
    assert outcomes(crew)[FORMS] == "undone"
    assert tree(project) == before
    check_consistent(fleet, project)


@pytest.mark.long
@pytest.mark.parametrize("trouble", ["cut", "outage"])
def test_where_composer_fails_in_the_middle_nothing_has_changed(
    crew: Crew, source: Repository, project: Path, trouble: str
) -> None:
    """The first download breaks off; the repository is gone between the plan and the change."""
    before = tree(project)
    with at_work(crew) as session:
        if trouble == "cut":
            source.cut = {FORMS}
            ending = work(session, "composer", SITE)
        else:
            with upon(session, "trial.started", lambda: setattr(source, "outage", True)):
                ending = work(session, "composer", SITE)
    assert ending.outcome == "failed", ending
    assert FORMS in ending.why or "503" in ending.why, ending
    assert tree(project) == before


@pytest.mark.long
def test_composer_killed_in_the_middle_is_taken_back(fleet: Fleet, crew: Crew, project: Path) -> None:
    script = "if [ ! -e killed ]; then touch killed; kill -9 $PPID; fi"
    add(project, scripts={"pre-package-update": script})
    only(crew, FORMS)
    composed(project, project.owner(), "update", "--lock")
    before = tree(project)
    said = crew.say("run", "composer", "-l", SITE)
    assert said.code != 0, said
    (project / "killed").unlink()
    assert tree(project) == before
    check_consistent(fleet, project)
    check_answers(fleet)


@pytest.mark.long
def test_what_stands_in_composers_way_is_held_with_the_line_to_type(
    fleet: Fleet, crew: Crew, source: Repository, project: Path
) -> None:
    line = f"to update it: cd {project} && composer require wpackagist-plugin/{FORMS}:1.8.3"
    source.outage = True
    [said] = [one for one in planned(crew) if one["item"] == "composer"]
    assert said["action"] == "unknown"
    assert "503" in said["why"]
    source.outage = False

    lock = project / "composer.lock"
    shutil.chown(lock, "root", "root")
    lock.chmod(0o644)
    assert reasons(crew)[FORMS] == f"this login cannot write to {lock}; {line}"
    assert crew.say("run", "composer", "-l", SITE).code == 0
    assert set(outcomes(crew).values()) == {"held"}
    shutil.chown(lock, project.owner(), project.group())

    add(project, description="changed since")
    add(project, require={**required(project), "php": ">=7.4"})
    assert "composer.lock is not up to date with composer.json" in reasons(crew)[FORMS]
    composed(project, project.owner(), "update", "--lock")

    crew.playbook("composer", "name: Composer\nsteps:\n  - wordpress.composer: {commit: true}\n")
    assert reasons(crew)[FORMS] == f"the project is not a git repository; {line}"
    as_git(project)
    assert plan_of(crew)[FORMS][2] == "change"
    with lock.open("a") as file:
        file.write("\n")
    assert "is changed and not committed" in reasons(crew)[FORMS]


@pytest.mark.long
def test_the_latest_that_composer_json_excludes_is_told(fleet: Fleet, crew: Crew, project: Path) -> None:
    composed(project, project.owner(), "update", f"wpackagist-plugin/{FORMS}")
    line = f"to update it: cd {project} && composer require wpackagist-plugin/{FORMS}:2.0.0"
    assert reasons(crew)[FORMS] == f"composer.json requires ^1.8, which excludes 2.0.0; {line}"
    assert fleet


@pytest.mark.long
def test_an_undo_by_hand_does_not_take_back_what_others_locked_since(
    fleet: Fleet, crew: Crew, project: Path
) -> None:
    only(crew, FORMS)
    assert crew.say("run", "composer", "-l", SITE).code == 0
    composed(project, project.owner(), "require", f"wpackagist-plugin/{CRUMBS}:0.9.8")
    before = tree(project)
    said = crew.say("undo", "last", "-l", SITE, "-y")
    assert said.code != 0, said
    assert "composer.lock was changed since" in crew.site(SITE)["why"]
    assert tree(project) == before
    check_answers(fleet)


@pytest.mark.long
def test_owner_group_and_mode_are_those_of_before(fleet: Fleet, crew: Crew, project: Path) -> None:
    login = project.owner()
    run("chown", "-hR", f"{login}:www-data", project)
    run("find", project, "-type", "d", "-exec", "chmod", "2750", "{}", "+")
    run("find", project, "-type", "f", "-exec", "chmod", "640", "{}", "+")
    before = owned(project)
    assert crew.say("run", "composer", "-l", SITE).code == 0, crew.site(SITE)
    after = owned(project)
    assert locked(project)["roots/wordpress"] == "7.1.2"
    changed = {
        name: (before[name].rights, after[name].rights)
        for name in before.keys() & after.keys()
        if before[name].rights != after[name].rights and "uploads" not in name
    }
    assert changed == {}
    new = {name: one.rights for name, one in after.items() if name not in before and "upgrade" not in name}
    assert {rights[1:3] for rights in new.values()} <= {
        (before["web"].group, 0o640),
        (before["web"].group, 0o2750),
    }
    check_answers(fleet)


@pytest.mark.long
def test_a_release_of_trellis_is_left_to_the_next_deployment_unless_the_inventory_says_otherwise(
    fleet: Fleet, source: Repository, tmp_path: Path
) -> None:
    app = as_trellis(fleet, SITE, source, {"roots/wordpress": "7.1.1", f"wpackagist-plugin/{FORMS}": "^1.8"})
    release, path = app / "releases/20261101120000", app / "current/web/wp"
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    crew.edit("inventory.yaml", f"path: {fleet.sites[SITE].path}", f"path: {path}")
    assert {change["action"] for change in planned(crew)} == {"hold"}
    why = f"part of the release {release}: the next deployment replaces it; update it there: composer require"
    assert reasons(crew) == {
        "core": f"{why} roots/wordpress:7.1.2",
        FORMS: f"{why} wpackagist-plugin/{FORMS}:1.8.3",
    }
    before = tree(app)
    assert crew.say("run", "composer", "-l", SITE).code == 0
    assert tree(app) == before

    crew.edit("inventory.yaml", f"path: {path}", f"path: {path}\n        managed_by: wordpress")
    said = crew.say("run", "composer", "-l", SITE)
    assert said.code == 0, said
    assert outcomes(crew) == {"core": "changed", FORMS: "changed"}
    check_consistent(fleet, release)
    check_answers(fleet)


def plan_of(crew: Crew) -> dict[str, tuple[str, str, str]]:
    """Versions and action of each item."""
    return {c["item"]: (c["from"], c["to"], c["action"]) for c in planned(crew)}


def reasons(crew: Crew) -> dict[str, str]:
    return {c["item"]: c["why"] for c in planned(crew)}


def planned(crew: Crew) -> list[dict[str, Any]]:
    said = crew.say("plan", "composer", "-l", SITE, "--json")
    assert said.out, said.err
    [site] = said.json["sites"]
    assert not site["problems"], site["problems"]
    changes: list[dict[str, Any]] = site["changes"]
    return changes


def outcomes(crew: Crew) -> dict[str, str]:
    return {c["item"]: c["outcome"] for step in crew.site(SITE)["steps"] for c in step["changes"]}


def locked(project: Path) -> dict[str, str]:
    """The parts of WordPress in the lock file."""
    packages = json.loads((project / "composer.lock").read_text())["packages"]
    return {one["name"]: one["version"] for one in packages if not one["name"].startswith("lab/")}


def required(project: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((project / "composer.json").read_text())["require"]
    return found


def only(crew: Crew, slug: str) -> None:
    crew.playbook("composer", f"name: Composer\nsteps:\n  - wordpress.composer: [{slug}]\n")


def add(project: Path, **more: object) -> None:
    """Put keys into composer.json."""
    path = project / "composer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more, indent=4) + "\n")


def as_git(project: Path) -> None:
    (project / ".gitignore").write_text("/vendor\n/web\n.env\n/.composer\n")
    shutil.chown(project / ".gitignore", project.owner(), project.group())
    git(project, "init", "-q")
    git(project, "config", "user.email", "crew@example.com")
    git(project, "config", "user.name", "The crew")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "First")


def git(project: Path, *words: str) -> str:
    return run("git", *words, user=project.owner(), cwd=project)


def tree(project: Path) -> dict[str, tuple[int, int, int, str]]:
    """Every file and folder of the project, by owner, group, mode and content; uploads and caches aside."""
    return {
        name: (*one.rights[:3], one.content)
        for name, one in owned(project).items()
        if not re.match(r"web/app/(uploads|upgrade|cache)", name)
    }


def check_consistent(fleet: Fleet, project: Path) -> None:
    """Composer itself finds nothing wrong, and nothing to do."""
    user = project.owner()
    run("composer", "validate", "--no-check-publish", "--no-check-all", "-n", user=user, cwd=project)
    said = run("sh", "-c", "composer install --dry-run -n --no-ansi 2>&1", user=user, cwd=project)
    assert "Nothing to install, update or remove" in said, said


def check_answers(fleet: Fleet) -> None:
    site = fleet.sites[SITE]
    page = httpx.get(site.url, timeout=20)
    assert page.status_code == 200
    assert site.expect in page.text
