"""WordPress's folders and root files change places, and back, wherever that is cut."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from runner.model import Action, Change, Host, ItemKind, Site, SitePlan
from runner.steps.base import Context
from runner.steps.wordpress.core_guard import core_guard, exchange, place
from tests.steps.wordpress_sites import FACTS

pytestmark = pytest.mark.fleet

OLD = {
    "wp-includes/version.php": "old",
    "wp-includes/old.php": "old",
    "wp-admin/a.php": "old",
    "index.php": "old",
    "wp-load.php": "<?php // old",
    "it's old.php": "old",
}
NEW = {
    "wp-includes/version.php": "new",
    "wp-admin/a.php": "new",
    "index.php": "new",
    "wp-load.php": "<?php // new",
    "license.txt": "new",
}
OWN = {"wp-config.php": "mine", ".htaccess": "mine", "wp-content/x.php": "mine"}
CUT = """<?php
function cut( $function, ...$arguments ) {
\tstatic $left = %d;
\tif ( 0 === $left-- ) { posix_kill( getmypid(), 9 ); }
\treturn $function( ...$arguments );
}
"""


@pytest.fixture(autouse=True)
def no_stale_code(tmp_path, monkeypatch):
    """PHP looks at the files' times at each request: nothing to wait for."""
    lay(tmp_path / "ini", {"lab.ini": "opcache.revalidate_freq = 0"})
    monkeypatch.setenv("PHP_INI_SCAN_DIR", f":{tmp_path / 'ini'}")


@pytest.fixture
def ground(tmp_path):
    """A site in a folder with a difficult name, with a new version laid out in its restore point."""
    root = tmp_path / "my site's $HOME"
    kept = root / ".sitecrew-t"
    lay(root, OLD | OWN)
    for name, text in NEW.items():
        lay(kept / "new", {name if "/" in name else f"files/{name}": text})
    lay(kept / "old/files", {name: text for name, text in OLD.items() if "/" not in name})
    lay(kept, {"added": "license.txt\n", "dropped": "it's old.php\n", "begun": ""})
    return root


def lay(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def found(root):
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and ".sitecrew-t" not in path.parts
    }


def facts(root):
    return replace(FACTS, root=f"{root}/", content=f"{root}/wp-content")


def guard(root):
    site = Site(name="x", client="c", host="h", url="http://x.example", path=str(root))
    change = Change(
        step="core",
        item="core",
        kind=ItemKind.CORE,
        from_version="6.5.5",
        to_version="7.1.1",
        action=Action.CHANGE,
    )
    plan = SitePlan(site="x", client="c", changes=(change,))
    return core_guard(
        Context(site=site, host=Host(name="h", address="x"), plan=plan, mark="m", before=facts(root)), "t"
    )


def sh(text, path="/usr/bin:/bin"):
    env = {"PATH": path, "HOME": "/nonexistent", "PHP_INI_SCAN_DIR": os.environ["PHP_INI_SCAN_DIR"]}
    return subprocess.run(["/bin/sh"], input=text.encode(), env=env, check=False).returncode


def forth(root, cuts=None):
    text = exchange("m")
    if cuts is not None:
        text = (
            text.replace("<?php\n", CUT % cuts)
            .replace("rename(", "cut( 'rename',")
            .replace("unlink(", "cut( 'unlink',")
        )
    return sh(f"{place(facts(root), 't')}php=php\n{text}\nexchange_core \"$kept/new\" \"$kept/old\" new/files dropped")


def test_the_new_version_takes_the_place_of_the_old_and_what_is_the_sites_own_stays(ground):
    assert forth(ground) == 0
    assert found(ground) == NEW | OWN


@pytest.mark.parametrize("cuts", range(11))
@pytest.mark.parametrize("php", [True, False])
def test_cut_between_any_two_renames_the_old_version_is_whole_again(ground, tmp_path, cuts, php):
    assert forth(ground, cuts) != 0 or cuts == 10
    settle = guard(ground).settle.text
    if not php:
        settle = settle.replace("find_php()", "find_php() { return 1; }\nunused()")
    for _ in range(2):
        assert sh(settle) == 0
        assert found(ground) == OLD | OWN


def test_what_was_kept_long_ago_is_put_back_too_and_a_change_that_is_done_is_left_alone(ground):
    assert forth(ground) == 0
    (ground / ".sitecrew-t/done").touch()
    assert sh(guard(ground).settle.text) == 0
    assert found(ground) == NEW | OWN
    sh(guard(ground).undo.text)
    assert found(ground) == OLD | OWN
