"""Restored files have their old owner, group and mode, even if the login is not in the site's group."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from runner.model import ItemKind
from runner.steps.undo import put_back
from runner.steps.wordpress.shell import php_source
from tests.steps.test_guards_and_links import FORMS, Ground

LOGIN, GROUP = 65534, 33
"""By numbers; the login's own group is called like it."""
BROKEN = "broken"


class OfOthers(Ground):
    """A site with another group, by setgid; its folders are closed to all but owner and group."""

    php = shutil.which("php") or ""

    def lay(self, root, text):
        super().lay(root, text)
        (root / "wp-content/plugins/forms/inc/deep").mkdir(parents=True, exist_ok=True)
        (root / "wp-content/plugins/shop/inc").mkdir(exist_ok=True)
        for path in (root, *root.rglob("*")):
            os.chown(path, LOGIN, GROUP)
            path.chmod(0o2750 if path.is_dir() else 0o640)
        (root / ".htaccess").chmod(0o600)
        (root / "wp-content/plugins/forms/inc").chmod(0o3770)
        os.chown(root / "wp-content/plugins/forms/inc/deep", LOGIN, LOGIN)

    def run(self, script):
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        login = ["setpriv", f"--reuid={LOGIN}", f"--regid={LOGIN}", "--clear-groups"]
        text = script.text.encode()
        return subprocess.run([*login, *self.shell], input=text, env=env, check=False).returncode

    def rights(self):
        """The rights of everything in the site except restore points, with the content of files."""
        return {
            str(path.relative_to(self.site)): rights(path)
            for path in (self.site, *self.site.rglob("*"))
            if ".sitecrew-" not in str(path)
        }


def rights(path):
    stat = path.stat()
    content = path.read_text() if path.is_file() else ""
    return stat.st_uid, stat.st_gid, f"{stat.st_mode & 0o7777:o}", content


@pytest.fixture(params=["dash", "bash", "busybox"])
def ground(request):
    shells = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "ash"]}
    if not OfOthers.php or os.geteuid() != 0 or not shutil.which(request.param):
        pytest.skip("needs root, PHP and this shell")
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    ground = OfOthers(folder, shells[request.param])
    ground.tool.chmod(0o755)
    yield ground
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", [ItemKind.PLUGIN, ItemKind.LANGUAGE])
def test_rolled_back_plugin_keeps_its_rights(ground, kind):
    before, guard = ground.rights(), ground.guard(kind)
    assert ground.run(guard.save) == 0
    spoil(ground, kind)
    assert ground.rights() != before
    assert ground.run(guard.undo) == 0
    assert ground.rights() == before


@pytest.mark.parametrize("kind", [ItemKind.PLUGIN, ItemKind.LANGUAGE])
def test_restore_point_keeps_rights_a_second_time(ground, kind):
    before, guard = ground.rights(), ground.guard(kind)
    assert ground.run(guard.save) == 0
    back = put_back(ground.context, "none", (str(ground.site / "wp-content"),), {"t": guard})
    for _ in range(2):
        spoil(ground, kind)
        assert ground.run(back) == 0
        assert ground.rights() == before


def test_adjacent_files_keep_their_rights(ground):
    before, guard = ground.rights(), ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) == 0
    shutil.rmtree(ground.site / "wp-content/plugins/shop")
    (ground.site / ".htaccess").unlink()
    (ground.site / ".htaccess").write_text(BROKEN)
    os.chown(ground.site / ".htaccess", LOGIN, LOGIN)
    assert ground.run(guard.undo) == 0
    assert ground.rights() == before


def test_restored_core_copy_keeps_its_rights(ground):
    before, guard = ground.rights(), ground.guard(ItemKind.CORE, core_fixed="a link")
    assert ground.run(guard.save) == 0
    (ground.kept / "begun").touch()
    os.chown(ground.kept / "begun", LOGIN, LOGIN)
    for name in ("wp-includes/version.php", "wp-admin/a.php", "index.php"):
        (ground.site / name).unlink()
        (ground.site / name).write_text(BROKEN)
        os.chown(ground.site / name, LOGIN, LOGIN)
    assert ground.run(guard.settle) == 0
    assert ground.rights() == before


def test_unreadable_file_prevents_the_change(ground):
    (ground.site / "wp-content/plugins/forms/forms.php").chmod(0o040)
    before, guard = ground.rights(), ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) != 0
    assert ground.rights() == before


def spoil(ground, kind):
    """Change it as an update does that ignores groups."""
    file = ground.site / FORMS[kind]
    folder = file.parent
    if kind is ItemKind.PLUGIN:
        shutil.rmtree(folder)
        folder.mkdir()
    file.unlink(missing_ok=True)
    file.write_text(BROKEN)
    for path in (file, folder)[: 2 if kind is ItemKind.PLUGIN else 1]:
        os.chown(path, LOGIN, LOGIN)


def test_copy_with_acls_keeps_setgid_and_sticky_bit(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name / "inc").mkdir(parents=True)
        (tmp_path / name / "inc/a.php").write_text("")
    subprocess.run(["setfacl", "-R", "-m", f"u:{GROUP}:rX", str(tmp_path / "old")], check=True)
    (tmp_path / "old/inc").chmod(0o3770)
    code = "$likeness = new Sitecrew_Likeness( getenv( 'ROOM' ) );\n"
    code += "echo $likeness->tree( getenv( 'ROOM' ) . '/new', getenv( 'ROOM' ) . '/old' );\n"
    given = f"<?php\n{php_source('ownership')}\n{code}".encode()
    env = {"PATH": os.environ["PATH"], "ROOM": str(tmp_path)}
    done = subprocess.run(["php"], input=given, env=env, check=True, capture_output=True)
    assert done.stdout == b""
    for name in ("inc", "inc/a.php"):
        assert acl(tmp_path / "new" / name) == acl(tmp_path / "old" / name)


def acl(path):
    command = ["getfacl", "-n", "-c", str(path)]
    listed = subprocess.run(command, check=True, capture_output=True).stdout
    return f"{path.stat().st_mode & 0o7777:o}", listed
