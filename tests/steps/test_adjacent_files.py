"""Files next to an item are restored with it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.model import SiteFacts
from runner.steps.wordpress.adjacent_files import keep_neighbours, put_back_neighbours
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.pinned import PUT_BACK

if TYPE_CHECKING:
    from pathlib import Path


TOOLS = PUT_BACK + alike("mark")


@pytest.fixture
def facts(tmp_path: Path) -> SiteFacts:
    """A site in a folder whose name needs quoting."""
    root = tmp_path / "it's a site"
    for name in ("plugins/a", "plugins/b", "themes/t", "mu-plugins"):
        (root / "wp-content" / name).mkdir(parents=True)
    (root / "wp-content/plugins/a/a.php").write_text("a")
    (root / "wp-content/plugins/b/b.php").write_text("b")
    (root / "wp-content/index.php").write_text("silence")
    (root / "wp-config.php").write_text("config")
    (tmp_path / "kept").mkdir()
    return SiteFacts(wordpress="7.1", php="8.2", home="", siteurl="", root=f"{root}/")


def shell(facts: SiteFacts, text: str, tmp_path: Path) -> None:
    subprocess.run(["/bin/sh"], input=f"kept={tmp_path}/kept\n{text}", text=True, check=True)
    assert facts


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() if path.is_file() else "" for path in root.rglob("*")
    }


def test_deleted_files_return_and_new_ones_go(facts: SiteFacts, tmp_path: Path) -> None:
    root = tmp_path / "it's a site"
    before = tree(root)
    shell(facts, TOOLS + keep_neighbours(facts), tmp_path)
    shell(facts, TOOLS + keep_neighbours(facts), tmp_path)
    (root / "wp-content/plugins/b/b.php").unlink()
    (root / "wp-content/plugins/b").rmdir()
    (root / "wp-content/plugins/new one").mkdir()
    (root / "wp-content/mu-plugins/dropped.php").write_text("boo")
    (root / "wp-content/advanced-cache.php").write_text("boo")
    (root / "wp-config.php").write_text("other")
    (root / ".htaccess").write_text("Deny from all")
    (root / ".maintenance").write_text("<?php")
    for _ in range(2):
        shell(facts, TOOLS + put_back_neighbours(facts), tmp_path)
        assert tree(root) == before


def test_foreign_maintenance_file_stays(facts: SiteFacts, tmp_path: Path) -> None:
    door = tmp_path / "it's a site/.maintenance"
    door.write_text("<?php")
    shell(facts, TOOLS + keep_neighbours(facts) + put_back_neighbours(facts), tmp_path)
    assert door.exists()


def test_nothing_is_removed_without_a_copy(facts: SiteFacts, tmp_path: Path) -> None:
    before = tree(tmp_path / "it's a site")
    shell(facts, TOOLS + put_back_neighbours(facts), tmp_path)
    assert tree(tmp_path / "it's a site") == before
