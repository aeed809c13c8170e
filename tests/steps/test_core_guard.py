"""WordPress's folders and root files are exchanged and restored, wherever this is interrupted."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from runner.model import Action, Change, Host, ItemKind, Site, SitePlan
from runner.steps.base import Context
from runner.steps.undo import put_back as put_back_by_hand
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


def cut_points(count):
    """The number of renames before the cut, with and without PHP; most are `long`."""
    usual = {(0, True), (6, True), (count - 1, True), (6, False)}
    points = [(cuts, php) for cuts in range(count) for php in (True, False)]
    return [pytest.param(*point, marks=[] if point in usual else [pytest.mark.long]) for point in points]


@pytest.fixture(autouse=True)
def no_stale_code(tmp_path, monkeypatch):
    """PHP checks file times at each request, so there is no wait."""
    lay(tmp_path / "ini", {"lab.ini": "opcache.revalidate_freq = 0"})
    monkeypatch.setenv("PHP_INI_SCAN_DIR", f":{tmp_path / 'ini'}")


@pytest.fixture
def ground(tmp_path):
    """A site in a folder with a difficult name, with a new version prepared in its restore point."""
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
        if path.is_file() and not {".sitecrew-t", ".sitecrew-u"} & set(path.parts)
    }


def without_php(text):
    return text.replace("find_php()", "find_php() { return 1; }\nunused()")


def facts(root):
    return replace(FACTS, root=f"{root}/", content=f"{root}/wp-content")


def context_of(root):
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
    return Context(site=site, host=Host(name="h", address="x"), plan=plan, mark="m", before=facts(root))


def guard(root, tag="t"):
    return core_guard(context_of(root), tag)


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
    return sh(
        f'{place(facts(root), "t")}php=php\n{text}\nexchange_core "$kept/new" "$kept/old" new/files dropped'
    )


def test_exchange_keeps_the_sites_own_files(ground):
    assert forth(ground) == 0
    assert found(ground) == NEW | OWN


@pytest.mark.parametrize(("cuts", "php"), cut_points(11))
def test_old_version_is_restored_after_any_interruption(ground, tmp_path, cuts, php):
    assert forth(ground, cuts) != 0 or cuts == 10
    settle = guard(ground).settle.text if php else without_php(guard(ground).settle.text)
    for _ in range(2):
        assert sh(settle) == 0
        assert found(ground) == OLD | OWN


def test_old_restore_point_works_and_finished_change_stays(ground):
    assert forth(ground) == 0
    (ground / ".sitecrew-t/done").touch()
    assert sh(guard(ground).settle.text) == 0
    assert found(ground) == NEW | OWN
    sh(guard(ground).undo.text)
    assert found(ground) == OLD | OWN


def test_restore_point_can_be_used_again(ground):
    done_with_a_theme(ground)
    context = replace(context_of(ground), tag="u")
    back = put_back_by_hand(context, "none", (str(ground),), {"t": guard(ground)})
    older = OLD | OWN | OTHERS
    for _ in range(2):
        sh(back.text)
        assert found(ground) == older
        sh(guard(ground, "u").undo.text)
        assert found(ground) == NEW | OWN | THEME
        shutil.rmtree(ground / ".sitecrew-u")
        assert sh(guard(ground, "u").save.text) == 0


OTHERS = {"wp-content/themes/own/style.css": "mine"}
THEME = {"wp-content/themes/twenty/style.css": "new", **OTHERS}


def put_back(root, cuts=None, *, php=True):
    """Undo a finished change, with `u` as the restore point of the undo; interrupted before a rename."""
    text = guard(root).undo.text if php else without_php(guard(root).undo.text)
    if cuts is not None:
        head, mark, body = text.partition("back() (")
        for step in ("lay ", "settle ", "unbundle ", "hand_over ", "exchange_core ", "rm -f "):
            body = body.replace(f" {step}", f" cut && {step}")
        count = f'n=0\ncut() {{ n=$((n + 1)); [ "$n" -le {cuts} ] || exit 9; }}\n'
        text = count + head + mark + body
    return sh(f"{place(facts(root), 'u')}successor=$kept\n{text}")


def done_with_a_theme(ground):
    assert forth(ground) == 0
    lay(ground, THEME)
    lay(ground / ".sitecrew-t", {"done": "", "bundled": f"{ground}/wp-content/themes/twenty\n"})
    (ground / "wp-content/plugins").mkdir()
    for tag in "tu":
        assert sh(guard(ground, tag).save.text) == 0


def test_undo_can_be_undone_repeatedly(ground):
    done_with_a_theme(ground)
    put_back(ground)
    older = found(ground)
    assert older == OLD | OWN | OTHERS
    sh(guard(ground, "u").undo.text)
    assert found(ground) == NEW | OWN | THEME


@pytest.mark.parametrize(("cuts", "php"), cut_points(12))
def test_interrupted_undo_is_rolled_back(ground, cuts, php):
    done_with_a_theme(ground)
    put_back(ground, cuts, php=php)
    settle = guard(ground, "u").settle.text if php else without_php(guard(ground, "u").settle.text)
    done = (ground / ".sitecrew-u/done").exists()
    for _ in range(2):
        assert sh(settle) == 0
        assert done or found(ground) == NEW | OWN | THEME
