"""No guard follows links that another account creates in a site's folders, in any shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from runner.model import Action, Change, Host, ItemKind, Site, SitePlan
from runner.model.facts import Extension
from runner.steps import Context
from runner.steps.wordpress.core_guard import core_guard
from runner.steps.wordpress.guard import extensions_guard
from runner.steps.wordpress.languages_guard import languages_guard
from tests.steps.wordpress_sites import FACTS

SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "ash"]}
FILES = {
    "wp-content/plugins/forms/forms.php": "old",
    "wp-content/plugins/shop/shop.php": "old",
    "wp-content/languages/plugins/forms-de_DE.po": "old",
    "wp-includes/version.php": "old",
    "wp-admin/a.php": "old",
    "index.php": "old",
    ".htaccess": "old",
}


@pytest.fixture(params=SHELLS)
def shell(request):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} here")
    return SHELLS[request.param]


class Ground:
    """A site, and another site of the same account, which must not change."""

    php = "/bin/sh"

    def __init__(self, folder, shell):
        self.site, self.other, self.shell = folder / "it's one", folder / "other", shell
        self.lay(self.site, "old")
        self.lay(self.other, "other's")
        self.tool = folder / "wp"
        self.tool.write_text("#!/bin/sh\nexit 0\n")
        self.tool.chmod(0o700)
        self.kept = self.site / "wp-content/.sitecrew-t"

    def lay(self, root, text):
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    def guard(self, kind, **facts):
        content = self.site / "wp-content"
        forms = Extension(
            slug="forms", title="", version="1", file="forms/forms.php", folder=f"{content}/plugins/forms"
        )
        site = Site(name="x", client="c", host="h", url="http://x.example", path=str(self.site))
        change = Change(
            step="s",
            item="forms",
            kind=kind,
            from_version="1",
            to_version="2",
            action=Action.CHANGE,
            file="plugin/forms/de_DE",
        )
        before = replace(FACTS, root=f"{self.site}/", content=str(content), plugins=(forms,), **facts)
        context = self.context = Context(
            site=site,
            host=Host(name="h", address="h", php=self.php, wp=str(self.tool)),
            plan=SitePlan(site="x", client="c", changes=(change,)),
            mark="m",
            before=before,
        )
        if kind is ItemKind.CORE:
            self.kept = self.site / ".sitecrew-t"
            return core_guard(context, "t")
        make = extensions_guard if kind is ItemKind.PLUGIN else languages_guard
        return make(context, (change,), "t")

    def run(self, script):
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        text = script.text.encode()
        return subprocess.run(self.shell, input=text, env=env, check=False, capture_output=True).returncode

    def others(self):
        """The files of the other site."""
        return {
            str(path.relative_to(self.other)): path.read_text()
            for path in self.other.rglob("*")
            if path.is_file()
        }

    def replace_by_link(self, name):
        (self.site / name).rename(self.site / f"{name}.moved")
        (self.site / name).symlink_to(self.other / name)


UNTOUCHED = dict.fromkeys(FILES, "other's")


@pytest.fixture
def ground(tmp_path, shell):
    return Ground(tmp_path, shell)


KINDS = [ItemKind.PLUGIN, ItemKind.LANGUAGE]
FORMS = {
    ItemKind.PLUGIN: "wp-content/plugins/forms/forms.php",
    ItemKind.LANGUAGE: "wp-content/languages/plugins/forms-de_DE.po",
}


@pytest.mark.parametrize("kind", KINDS)
def test_kept_files_are_restored_without_links(ground, kind):
    guard = ground.guard(kind)
    assert ground.run(guard.save) == 0
    (ground.site / FORMS[kind]).write_text("new")
    assert ground.run(guard.undo) == 0
    assert (ground.site / FORMS[kind]).read_text() == "old"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["wp-content/plugins", "wp-content/languages", "wp-content"])
def test_folder_replaced_by_link_is_not_entered(ground, kind, name):
    guard = ground.guard(kind)
    assert ground.run(guard.save) == 0
    (ground.site / FORMS[kind]).write_text("new")
    ground.replace_by_link(name)
    ground.run(guard.undo)
    assert ground.others() == UNTOUCHED


def test_folder_that_was_always_a_link_is_restored(ground):
    (ground.site / "wp-content/plugins").rename(ground.site.parent / "shared")
    (ground.site / "wp-content/plugins").symlink_to(ground.site.parent / "shared")
    guard = ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) == 0
    (ground.site.parent / "shared/forms/forms.php").write_text("new")
    assert ground.run(guard.undo) == 0
    assert (ground.site.parent / "shared/forms/forms.php").read_text() == "old"


@pytest.mark.parametrize("gone", [True, False])
def test_link_in_place_of_plugin_is_replaced(ground, gone):
    guard = ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) == 0
    shutil.rmtree(ground.site / "wp-content/plugins/forms")
    target = ground.other / ("nothing" if gone else "wp-content/plugins/forms")
    (ground.site / "wp-content/plugins/forms").symlink_to(target)
    assert ground.run(guard.undo) == 0
    assert ground.others() == UNTOUCHED
    assert not (ground.site / "wp-content/plugins/forms").is_symlink()
    assert (ground.site / FORMS[ItemKind.PLUGIN]).read_text() == "old"


@pytest.mark.parametrize("kind", KINDS)
def test_file_replaced_by_link_is_not_followed(ground, kind):
    guard = ground.guard(kind)
    assert ground.run(guard.save) == 0
    for name in (FORMS[kind], ".htaccess"):
        (ground.site / name).unlink()
        (ground.site / name).symlink_to(ground.other / name)
    assert ground.run(guard.undo) == 0
    assert ground.others() == UNTOUCHED
    assert (ground.site / FORMS[kind]).read_text() == "old"


def test_linked_configuration_stays_a_link(ground):
    (ground.site / "wp-config.php").symlink_to(ground.other / "wp-config.php")
    (ground.other / "wp-config.php").write_text("shared")
    guard = ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) == 0
    (ground.other / "wp-config.php").write_text("broken")
    assert ground.run(guard.undo) == 0
    assert (ground.site / "wp-config.php").is_symlink()
    assert (ground.other / "wp-config.php").read_text() == "shared"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another account")
@pytest.mark.parametrize("kind", [*KINDS, ItemKind.CORE])
def test_foreign_restore_point_is_not_used(ground, kind):
    guard = ground.guard(kind)
    assert ground.run(guard.save) == 0
    shutil.rmtree(ground.kept)
    for name in ("plugin-forms/evil.php", "language-plugin-forms-de_DE/evil.po", "copy/files/evil.php"):
        (ground.kept / name).parent.mkdir(parents=True)
        (ground.kept / name).write_text("evil")
    (ground.kept / "begun").touch()
    os.chown(ground.kept, 65534, 65534)
    assert ground.run(guard.undo) != 0
    assert not [path for path in ground.site.rglob("evil*") if ground.kept not in path.parents]
    assert ground.run(guard.save) != 0


class TestCore:
    """WordPress itself, without PHP."""

    @pytest.fixture
    def settle(self, ground):
        guard = ground.guard(ItemKind.CORE)
        assert ground.run(guard.save) == 0
        for name in ("wp-includes/version.php", "wp-admin/a.php", "files/index.php"):
            (ground.kept / "old" / name).parent.mkdir(parents=True)
            (ground.kept / "old" / name).write_text("old")
            if "files" not in name:
                (ground.site / name).write_text("new")
        (ground.kept / "added").write_text("license.txt\n")
        (ground.kept / "begun").touch()
        text = guard.settle.text.replace("find_php()", "find_php() { return 1; }\nunused()")
        return replace(guard.settle, text=f"{text}\n")

    def test_old_version_is_restored_without_links(self, ground, settle):
        bundled = [ground.site / "wp-content/plugins/forms", ground.site / "wp-content/themes"]
        (ground.kept / "bundled").write_text("".join(f"{path}\n" for path in bundled))
        assert ground.run(settle) == 0
        assert (ground.site / "wp-includes/version.php").read_text() == "old"
        assert not bundled[0].exists()
        assert (ground.site / "wp-content/plugins/shop").exists()

    @pytest.mark.parametrize("name", ["wp-includes", "index.php"])
    def test_link_is_replaced_and_not_followed(self, ground, settle, name):
        ground.replace_by_link(name)
        assert ground.run(settle) == 0
        assert ground.others() == UNTOUCHED
        assert not (ground.site / name).is_symlink()

    def test_list_removes_only_plugins_and_themes(self, ground, settle):
        plugins, others = ground.site / "wp-content/plugins", ground.other / "wp-content/plugins"
        (plugins / "way").symlink_to(others)
        paths = [
            others / "forms", f"{plugins}/../../../other/wp-content", f"{plugins}/way/forms", f"{plugins}/..",
            f"{plugins}/.", f"{plugins}/", "", ".", ground.site,
        ]  # fmt: skip
        (ground.kept / "bundled").write_text("".join(f"{path}\n" for path in paths))
        assert ground.run(settle) == 0
        assert ground.others() == UNTOUCHED
        assert (plugins / "shop/shop.php").exists()

    @pytest.mark.parametrize("name", ["../other/index.php", "wp-content/plugins/shop/shop.php", "/etc/x"])
    def test_list_of_new_files_names_root_files_only(self, ground, settle, name):
        (ground.kept / "added").write_text(f"{name}\n")
        assert ground.run(settle) != 0
        assert ground.others() == UNTOUCHED
        assert (ground.site / "wp-content/plugins/shop/shop.php").exists()

    def test_copy_is_not_restored_through_a_link(self, ground):
        guard = ground.guard(ItemKind.CORE, core_fixed="a link")
        assert ground.run(guard.save) == 0
        (ground.kept / "begun").touch()
        ground.replace_by_link("wp-includes")
        assert ground.run(guard.settle) != 0
        assert ground.others() == UNTOUCHED
