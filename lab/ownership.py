"""Who a site's files belong to where PHP-FPM is another user than the login: the usual set-ups."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.shell import run
from lab.web import php_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab.fleet import Fleet

__all__ = ["LAYOUTS", "Owned", "Ownership", "laid_out", "owned"]

WEB = "www-data"
OWN_MODES: Mapping[str, int] = {"xmlrpc.php": 0o400, "wp-admin/install.php": 0o440, "license.txt": 0o660}
"""What people set on single files, to close them or for tools of theirs."""
BESIDE = ("wp-content/upgrade", "wp-content/upgrade-temp-backup", "wp-content/cache")
"""Folders in which WordPress works and that it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """One way to divide a site's files between a login and the user of PHP-FPM, www-data."""

    name: str
    owner: str = "{login}"
    group: str = "{login}"
    folders: int
    files: int
    member: bool = False
    """The login is in the group www-data."""
    acl: str = ""
    """For the whole site, also as default ACL of its folders."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Of wp-config.php."""


LAYOUTS = (
    Ownership(name="world-readable", folders=0o755, files=0o644),
    Ownership(name="group", group=WEB, folders=0o2750, files=0o640, member=True),
    Ownership(name="group-of-others", group=WEB, folders=0o2750, files=0o640),
    Ownership(name="web-server", owner=WEB, group=WEB, folders=0o775, files=0o664, member=True),
    Ownership(name="default-acl", folders=0o750, files=0o640, acl=f"u:{WEB}:rX"),
    Ownership(
        name="constants",
        group=WEB,
        folders=0o2770,
        files=0o660,
        member=True,
        constants={"FS_CHMOD_DIR": "0770", "FS_CHMOD_FILE": "0660"},
    ),
)


@contextmanager
def laid_out(fleet: Fleet, site: str, how: Ownership) -> Iterator[Path]:
    """The site in this layout, its PHP as www-data; afterwards all is as before. Yields its folder."""
    found = fleet.sites[site]
    login, root = fleet.spec.user(found.host), found.path
    log = php_log(fleet.spec, found.host)
    try:
        if how.member:
            run("usermod", "-aG", WEB, login)
        arrange(root, how, login)
        fleet.web.users[found.host] = WEB
        fleet.web.start_php()
        log.chmod(0o666)
        yield root
    finally:
        fleet.web.users.pop(found.host, None)
        if how.member:
            run("gpasswd", "-d", login, WEB)
        run("setfacl", "-R", "-b", "-k", root)
        log.chmod(0o644)
        fleet.web.start_php()
        fleet.reset(site)


def arrange(root: Path, how: Ownership, login: str) -> None:
    """Gives everything below a folder its owner, group, mode and ACL."""
    config = root / "wp-config.php"
    if config.exists():
        lines = "".join(f"define( '{name}', {value} );\n" for name, value in how.constants.items())
        config.write_text(config.read_text().replace("<?php\n", f"<?php\n{lines}", 1))
    owner, group = (text.format(login=login) for text in (how.owner, how.group))
    run("chown", "-hR", f"{owner}:{group}", root)
    run("find", root, "-type", "d", "-exec", "chmod", f"{how.folders:o}", "{}", "+")
    run("find", root, "-type", "f", "-exec", "chmod", f"{how.files:o}", "{}", "+")
    if how.acl:
        run("setfacl", "-R", "-m", how.acl, "-m", f"d:{how.acl}", root)
    for name, mode in OWN_MODES.items():
        if (root / name).exists():
            (root / name).chmod(mode)


@dataclass(frozen=True, slots=True)
class Owned:
    """A file or folder as it is kept; `acl` is empty where it has none, `content` for a folder."""

    owner: int
    group: int
    mode: int
    acl: str
    content: str

    @property
    def rights(self) -> tuple[int, int, int, str]:
        """All but the content."""
        return self.owner, self.group, self.mode, self.acl


def owned(root: Path) -> dict[str, Owned]:
    """Everything below a folder and itself, by paths; what WordPress works with is left out."""
    acls = {}
    for block in run("getfacl", "-R", "-p", "-n", "-s", root).split("\n\n"):
        first, _, rest = block.strip().partition("\n")
        acls[first.removeprefix("# file: ")] = "\n".join(
            line for line in rest.splitlines() if not line.startswith("#")
        )
    found = {}
    for path in (root, *sorted(root.rglob("*"))):
        name = str(path.relative_to(root))
        if name.startswith(BESIDE):
            continue
        stat = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        else:
            content = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = Owned(stat.st_uid, stat.st_gid, stat.st_mode & 0o7777, acls.get(str(path), ""), content)
    return found
