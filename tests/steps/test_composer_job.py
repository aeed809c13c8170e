"""Real Composer, real shell texts and a real repository, without WordPress."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.catalogue import Catalogue
from lab.composer import Repository, composed, manifest, repository
from lab.ownership import owned
from lab.shell import run
from runner.model import Action, Change, Host, ItemKind, Package, Site, SiteFacts, SitePlan, Step
from runner.steps import Context, Guard, registry
from runner.steps.wordpress import composer_script, parse_composer, with_said
from runner.steps.wordpress.composer import Commit, ComposerOptions

MARK = "0123456789abcdef0123456789abcdef"
KIND = registry()["wordpress.composer"]
NAMES = ("forms", "maps")
needs_composer = pytest.mark.skipif(not shutil.which("composer"), reason="Composer is not installed here")
pytestmark = needs_composer


@dataclass
class World:
    """A project that Composer installed; its plugins are at 1.0, and 1.1 is available."""

    source: Repository
    home: Path
    project: Path

    @property
    def facts(self) -> SiteFacts:
        packages = tuple(
            Package(
                name=f"wpackagist-plugin/{slug}",
                part="plugin",
                slug=slug,
                version="1.0",
                installed="1.0",
                folder=f"{self.project}/web/app/plugins/{slug}",
                constraint=constraint,
            )
            for slug, constraint in (("forms", "^1.0"), ("maps", "1.0"))
        )
        return SiteFacts(
            wordpress="6.5",
            php="8.2",
            home="http://x.example",
            siteurl="http://x.example/wp",
            root=f"{self.project}/web/wp/",
            content=f"{self.project}/web/app",
            plugins_folder=f"{self.project}/web/app/plugins",
            themes_folder=f"{self.project}/web/app/themes",
            project=str(self.project),
            vendor=f"{self.project}/vendor",
            packages=packages,
        )

    def step(
        self, *slugs: str, to: str = "1.1", **options: object
    ) -> tuple[Guard, dict[str, tuple[int, str]]]:
        """Save, change and settle, as a job does; returns the guard and the result of each."""
        step = Step(id="s", kind=KIND.name, options=ComposerOptions(**options))
        changes = tuple(
            Change(
                step="s",
                item=slug,
                kind=ItemKind.PLUGIN,
                from_version="1.0",
                to_version=to,
                action=Action.CHANGE,
                composer=f"wpackagist-plugin/{slug}",
            )
            for slug in slugs
        )
        context = Context(
            site=Site(name="x", client="c", host="h", url="http://x.example", path=f"{self.project}/web/wp"),
            host=Host(name="h", address="h", wp="/bin/true"),
            plan=SitePlan(site="x", client="c", changes=changes),
            mark=MARK,
            tag="t1",
            before=self.facts,
        )
        guard, script = KIND.guard(step, context, "t1"), KIND.script(step, context)
        assert guard
        assert script
        assert guard.settle
        ended = {"save": self.sh(guard.save.text)}
        if ended["save"][0] == 0:
            ended |= {"change": self.sh(script.text), "settle": self.sh(guard.settle.text)}
        return guard, ended

    def sh(self, text: str) -> tuple[int, str]:
        env = {**os.environ, "HOME": str(self.home), "SITECREW_RESTORE": str(self.home / "restore")}
        env |= {"COMPOSER_ALLOW_SUPERUSER": "1"}
        done = subprocess.run(["sh"], input=text, capture_output=True, text=True, env=env, check=False)
        return done.returncode, done.stdout + done.stderr

    def tree(self) -> dict[str, object]:
        return dict(owned(self.project))

    def locked(self) -> dict[str, str]:
        packages = json.loads((self.project / "composer.lock").read_text())["packages"]
        return {one["name"].partition("/")[2]: one["version"] for one in packages}


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_ALLOW_SUPERUSER", "1")
    home, project = tmp_path / "home", tmp_path / "project"
    (home / "restore").mkdir(parents=True)
    catalogue = Catalogue(tmp_path / "catalogue", tmp_path / "first", tmp_path / "log")
    for slug in NAMES:
        catalogue.plugin(slug, "1.0")
    for folder in ("web/wp", "web/app/themes", "web/app/mu-plugins"):
        (project / folder).mkdir(parents=True)
    with repository(catalogue) as source:
        require = {"wpackagist-plugin/forms": "^1.0", "wpackagist-plugin/maps": "1.0"}
        (project / "composer.json").write_text(manifest(source, require))
        run("composer", "update", "-n", cwd=project, env={"HOME": str(home), "COMPOSER_ALLOW_SUPERUSER": "1"})
        for slug in NAMES:
            catalogue.plugin(slug, "1.1")
        yield World(source, home, project)


def test_composer_lists_newer_versions_and_commit_problems(world):
    facts, host = world.facts, Host(name="h", address="h")
    code, text = world.sh(composer_script(facts, host, MARK).text)
    said = parse_composer(text, MARK, facts.project)
    assert (code, said.hold, said.problem) == (0, "", "")
    assert said.commit == "the project is not a git repository"
    assert [(one.slug, one.allowed, one.latest) for one in with_said(facts, said).packages] == [
        ("forms", "1.1", "1.1"),
        ("maps", "", "1.1"),
    ]
    world.source.outage = True
    shutil.rmtree(world.home / ".cache", ignore_errors=True)
    said = parse_composer(world.sh(composer_script(facts, host, MARK).text)[1], MARK, facts.project)
    assert "503" in said.problem


def test_packages_are_updated_and_restored_exactly(world):
    before = world.tree()
    guard, ended = world.step(*NAMES)
    assert {name: code for name, (code, _) in ended.items()} == {"save": 0, "change": 0, "settle": 0}, ended
    assert world.locked() == {"installers": "1.0.0", "forms": "1.1", "maps": "1.1"}
    required = json.loads((world.project / "composer.json").read_text())["require"]
    assert required == {
        "lab/installers": "^1.0",
        "wpackagist-plugin/forms": "^1.0",
        "wpackagist-plugin/maps": "1.1",
    }
    assert "1.1" in (world.project / "web/app/plugins/maps/maps.php").read_text()
    assert world.sh(guard.undo.text)[0] == 0
    assert world.tree() == before
    assert world.sh(guard.undo.text)[0] == 0
    assert world.tree() == before


def test_failed_update_leaves_no_changes(world):
    before = world.tree()
    _, ended = world.step("forms", to="9.9")
    assert "must be a subset of the constraint" in ended["change"][1]
    assert (ended["change"][0], ended["settle"][0]) == (1, 0)
    assert world.tree() == before

    world.source.cut = {"maps"}
    _, ended = world.step(*NAMES)
    assert ended["change"][0] == 1, ended
    assert world.tree() == before

    world.source.cut = set()
    _, ended = world.step(*NAMES, deploy="false")
    assert ended["change"][0] == 1, ended
    assert world.tree() == before


def test_killed_composer_is_rolled_back(world):
    path = world.project / "composer.json"
    killer = {"scripts": {"pre-package-update": "kill -9 $PPID"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | killer, indent=4))
    before = world.tree()
    _, ended = world.step("forms")
    assert (ended["change"][0] != 0, ended["settle"][0]) == (True, 0), ended
    assert world.tree() == before


def test_lock_file_changed_since_is_not_restored(world):
    guard, _ = world.step("forms")
    assert guard.keep
    assert world.sh(guard.keep.text) == (0, "")
    composed(world.project, "root", "require", "wpackagist-plugin/maps:1.1")
    before = world.tree()
    code, said = world.sh(guard.undo.text)
    assert code == 1
    assert "composer.lock was changed since" in said
    assert world.tree() == before


def test_only_the_lock_file_is_committed(world):
    def git(*words):
        return run("git", *words, cwd=world.project)

    (world.project / ".gitignore").write_text("/vendor\n/web\n")
    git("init", "-q")
    git("config", "user.email", "crew@example.com")
    git("config", "user.name", "The crew")
    git("add", ".")
    git("commit", "-q", "-m", "First")
    (world.project / "notes.txt").write_text("somebody's")
    git("add", "notes.txt")
    guard, ended = world.step("maps", commit=Commit(message="chore: it's $HOME"))
    assert ended["change"][0] == 0
    assert world.sh(guard.keep.text) == (0, "")
    assert git("log", "-1", "--format=%B", "--name-only").split("\n") == [
        "chore: it's $HOME",
        "",
        "wpackagist-plugin/maps 1.0 -> 1.1",
        "",
        "",
        "composer.json",
        "composer.lock",
        "",
    ]
    assert git("status", "--porcelain") == "A  notes.txt\n"
    with (world.project / "composer.lock").open("a") as lock:
        lock.write("\n")
    before = world.tree()
    _, ended = world.step("forms", commit=True)
    assert ended == {
        "save": (1, "composer.json or composer.lock has uncommitted changes; to see them there: git diff\n")
    }
    assert world.tree() == before


def test_deploy_command_runs_again_after_rollback(world):
    deploy = "cp composer.lock ../deployed.lock"
    guard, _ = world.step("forms", deploy=deploy)
    deployed = world.project.parent / "deployed.lock"
    assert deployed.read_bytes() == (world.project / "composer.lock").read_bytes()
    assert world.sh(guard.undo.text)[0] == 0
    assert deployed.read_bytes() == (world.project / "composer.lock").read_bytes()
