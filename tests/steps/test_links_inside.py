"""Links inside an item are recorded, removed and restored in any shell; their targets never change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.links import contents
from runner.model import Action, Change, Host, ItemKind, Site, SitePlan
from runner.model.facts import Extension
from runner.steps import Context
from runner.steps.base import Script
from runner.steps.wordpress.guard import extensions_guard, free_of_links
from tests.steps.test_guards_and_links import Ground, shell
from tests.steps.wordpress_sites import FACTS

__all__ = ["shell"]


class Linked(Ground):
    """A plugin with links of all kinds."""

    def __init__(self, folder, shell):
        super().__init__(folder, shell)
        self.item = self.site / "wp-content/plugins/forms"
        (self.item / "own/deep").mkdir(parents=True)
        (self.item / "own/file").write_text("own")
        for name, to in {
            "data": "../../../../other/wp-content",
            "own/deep/it's\n-n": str(self.other / "wp-admin"),
            "file.php": str(self.other / "index.php"),
            "gone": "/nonexistent/x",
            "inside": "own",
            "own/whole": str(self.item / "own/file"),
        }.items():
            (self.item / name).symlink_to(to)
        self.before, self.shared = contents(self.item), contents(self.other)
        content = self.site / "wp-content"
        forms = Extension(slug="forms", title="", version="1", file="forms/forms.php", folder=str(self.item))
        change = Change(
            step="s",
            item="forms",
            kind=ItemKind.PLUGIN,
            from_version="1",
            to_version="2",
            action=Action.CHANGE,
        )
        self.context = Context(
            site=Site(name="x", client="c", host="h", url="http://x.example", path=str(self.site)),
            host=Host(name="h", address="h", php="/bin/sh", wp=str(self.tool)),
            plan=SitePlan(site="x", client="c", changes=(change,)),
            mark="m",
            tag="t",
            before=replace(FACTS, root=f"{self.site}/", content=str(content), plugins=(forms,)),
        )
        guard = extensions_guard(self.context, (change,), "t")
        assert guard
        self.saved, self.undo, self.settle = guard.save, guard.undo, guard.settle
        self.detach = Script(text=free_of_links(self.context, (change,)))

    def links(self):
        return {name: what for name, what in contents(self.item).items() if what.startswith("->")}

    def replace_item(self, *names):
        """Replace the folder, as an update does."""
        self.item.rename(self.site / "before")
        self.item.mkdir()
        for name in names:
            (self.item / name).parent.mkdir(parents=True, exist_ok=True)
            (self.item / name).write_text("new")


@pytest.fixture
def ground(tmp_path, shell):
    return Linked(tmp_path, shell)


def test_links_are_removed_and_restored(ground):
    assert ground.run(ground.saved) == 0
    assert ground.run(ground.detach) == 0
    assert not ground.links()
    assert ground.run(ground.settle) == 0
    assert ground.run(ground.settle) == 0
    assert contents(ground.item) == ground.before
    assert contents(ground.other) == ground.shared


def test_new_version_gets_links_that_point_outside(ground):
    assert ground.run(ground.saved) == 0
    assert ground.run(ground.detach) == 0
    ground.replace_item("forms.php", "data/index.php", "file.php", "inside", "own/deep/other")
    assert ground.run(ground.settle) == 0
    outer = {name: to for name, to in ground.before.items() if to.startswith("->") and name != "inside"}
    assert ground.links() == {name: to for name, to in outer.items() if name != "own/whole"}
    assert (ground.item / "inside").read_text() == "new"
    assert (ground.kept / "links-plugin-forms.instead/data/index.php").read_text() == "new"
    assert contents(ground.other) == ground.shared


def test_rolled_back_item_has_its_links(ground):
    assert ground.run(ground.saved) == 0
    assert ground.run(ground.detach) == 0
    ground.replace_item("forms.php")
    assert ground.run(ground.undo) == 0
    assert contents(ground.item) == ground.before
    assert contents(ground.other) == ground.shared


def test_nothing_is_created_through_a_new_link(ground):
    assert ground.run(ground.saved) == 0
    assert ground.run(ground.detach) == 0
    ground.replace_item("forms.php")
    (ground.item / "own").symlink_to(ground.other)
    assert ground.run(ground.settle) != 0
    assert contents(ground.other) == ground.shared
