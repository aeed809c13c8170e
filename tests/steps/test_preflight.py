"""Problems that would stop an update half way are found before anything is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.model import Action, Change, Extension, ItemKind, Outcome, Site, SiteFacts
from runner.model import Host as HostModel
from runner.steps import Context
from runner.steps.wordpress.guard import extensions_guard
from tests.steps.test_real_wordpress import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet


def test_unwritable_nested_folder_holds_the_update(fleet: Fleet) -> None:
    """An update would delete half of the plugin, and then fail."""
    fleet.reset("acme-shop")
    shop = Worker(fleet, "acme-shop")
    roots = shop.path / "wp-content/plugins/harbour-forms/cache/of root"
    roots.mkdir(parents=True, mode=0o755)
    os.chown(roots.parent, roots.parents[1].stat().st_uid, -1)
    held = shop.step("wordpress.plugins", update=("harbour-forms",))
    assert (held.outcome, held.why) == (
        Outcome.HELD,
        "harbour-forms/cache/of root cannot be read or replaced: Permission denied",
    )
    roots.rmdir()
    roots.parent.rmdir()
    assert shop.facts().web_php == shop.facts().php
    logs = {log.path: log.size for log in shop.facts().logs}
    assert logs[str(fleet.hosts["web1"].php_log)] == fleet.hosts["web1"].php_log.stat().st_size


def test_linked_plugin_is_not_updated(fleet: Fleet) -> None:
    """WordPress would delete the target of the link and replace it by a folder."""
    fleet.reset("acme-shop")
    shop = Worker(fleet, "acme-shop")
    plugin, shared = shop.path / "wp-content/plugins/harbour-forms", shop.path.with_name("shared-forms")
    plugin.rename(shared)
    plugin.symlink_to(shared)
    try:
        held = shop.step("wordpress.plugins", update=("harbour-forms",))
        assert (held.outcome, held.why) == (
            Outcome.HELD,
            f"its folder is a link to {shared}: update it there",
        )
    finally:
        shutil.rmtree(shared)
        fleet.reset("acme-shop")


@pytest.mark.parametrize(
    ("kilobytes", "inodes", "said"),
    [(10**6, 10**6, ""), (10_000, 10**6, "No space left"), (10**6, 12, "and 12 inodes are free")],
)
def test_restore_point_needs_free_space(tmp_path: Path, kilobytes: int, inodes: int, said: str) -> None:
    folder = tmp_path / "wp-content/plugins/a"
    folder.mkdir(parents=True)
    (folder / "a.php").write_text("x" * 100_000)
    plugin = Extension(slug="a", title="A", version="1", file="a/a.php", folder=str(folder))
    content = str(tmp_path / "wp-content")
    facts = SiteFacts(
        wordpress="7", php="8", home="", siteurl="", root=f"{tmp_path}/", content=content, plugins=(plugin,)
    )
    change = Change(
        step="s",
        item="a",
        kind=ItemKind.PLUGIN,
        from_version="1",
        to_version="2",
        action=Action.CHANGE,
        why="",
    )
    site = Site(name="s", client="c", host="h", url="https://s.example", path=str(tmp_path))
    host = HostModel(name="h", address="h")
    context = Context(site=site, host=host, plan=None, mark="m", before=facts)  # type: ignore[arg-type]
    guard = extensions_guard(context, (change,), "tag")
    assert guard is not None
    full = f"case $1 in *i) n={inodes} ;; *) n={kilobytes} ;; esac"
    df = f'df() {{ {full}; printf "Filesystem\\n/dev 9 1 $n 1%% /\\n"; }}\n'
    env = {**os.environ, "SITECREW_RESTORE": str(tmp_path)}
    ran = subprocess.run(
        ["/bin/sh"], input=df + guard.save.text, env=env, text=True, capture_output=True, check=False
    )
    assert said in ran.stdout
    assert (ran.returncode == 0) is (not said)
    assert (tmp_path / "tag/plugin-a/a.php").exists() is (not said)
