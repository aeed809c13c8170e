"""Who a site's files belong to where PHP-FPM is another user than the login: the usual set-ups."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import start_sshd
from lab.shell import run
from lab.web import php_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.fleet import Fleet

__all__ = [
    "LAYOUTS",
    "WEB",
    "Owned",
    "Ownership",
    "as_login",
    "laid_out",
    "may",
    "owned",
    "web_server_login",
]

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
        if how.member and login in grp.getgrnam(WEB).gr_mem:
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
    run("setfacl", "-R", "-b", "-k", root)
    run("find", root, "-type", "d", "-exec", "chmod", f"{how.folders:o}", "{}", "+")
    run("find", root, "-type", "f", "-exec", "chmod", f"{how.files:o}", "{}", "+")
    if how.acl:
        run("setfacl", "-R", "-m", how.acl, "-m", f"d:{how.acl}", root)
    for name, mode in OWN_MODES.items():
        if (root / name).exists():
            (root / name).chmod(mode)


@contextmanager
def web_server_login(fleet: Fleet, host: str, port: int) -> Iterator[None]:
    """Another sshd of a host, whose login is www-data itself: with a shell and a home there."""
    spec, name, home = fleet.spec, f"sshd-{host}-web", fleet.spec.root / "homes/of-the-web-server"
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    keys = home / ".ssh/authorized_keys"
    keys.write_text(fleet.identity_file.with_suffix(".pub").read_text())
    users = spec.root / "etc/passwd-of-the-web-server"
    lines = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    lines = [[*one[:5], str(home), "/bin/sh"] if one[0] == WEB else one for one in lines]
    users.write_text("".join(f"{':'.join(one)}\n" for one in lines))
    run("chown", "-R", f"{WEB}:{WEB}", home)
    try:
        start_sshd(
            fleet.processes,
            name,
            address=spec.address(host),
            port=port,
            user=WEB,
            key=spec.root / f"ssh/{host}",
            environment={
                "PATH": f"{spec.root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
                "PHP_INI_SCAN_DIR": f":{spec.root / 'etc/php'}",
            },
            within=("unshare", "-m", "sh", "-c", f'mount --bind "{users}" /etc/passwd && exec "$@"', "sh"),
        )
        yield
    finally:
        fleet.processes.stop(name)
        shutil.rmtree(home, ignore_errors=True)


def as_login(fleet: Fleet, site: str, *words: str) -> str:
    """wp-cli on a site as its login does it by hand, with all groups of the login. Returns stdout.

    Raises:
        LabError: wp-cli failed.
    """
    found = fleet.sites[site]
    login = fleet.spec.user(found.host)
    user = (f"--reuid={login}", f"--regid={login}", "--init-groups")
    env = {
        "HOME": str(fleet.spec.home(found.host)),
        "PHP_INI_SCAN_DIR": f":{fleet.spec.root / 'etc/php'}",
    }
    return run("setpriv", *user, fleet.spec.root / "bin/wp", *words, env=env, cwd=found.path)


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


def may(one: Owned, user: str) -> int:
    """What a user may do by mode and ACL, as the bits of `rwx`."""
    known = pwd.getpwnam(user)
    groups = os.getgrouplist(user, known.pw_gid)
    lines = [line.partition("\t")[0] for line in one.acl.splitlines()]  # without what is effective
    entries = [line.split(":") for line in lines if line and not line.startswith("default:")]
    bits = [
        (kind, name, sum(4 >> at for at, word in enumerate(rights[:3]) if word != "-"))
        for kind, name, rights in entries
    ]
    if not bits:
        bits = [
            ("user", "", one.mode >> 6 & 7),
            ("group", "", one.mode >> 3 & 7),
            ("other", "", one.mode & 7),
        ]
    mask = next((rights for kind, _, rights in bits if kind == "mask"), 7)
    if one.owner == known.pw_uid:
        return next(rights for kind, name, rights in bits if kind == "user" and not name)
    for kind, name, rights in bits:
        if kind == "user" and name and int(name) == known.pw_uid:
            return rights & mask
    mine = [
        rights & mask
        for kind, name, rights in bits
        if kind == "group" and (int(name) if name else one.group) in groups
    ]
    if mine:
        return max(mine)
    return next(rights for kind, _, rights in bits if kind == "other")
