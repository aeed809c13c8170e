"""A host whose packages can be upgraded for real: an sshd, a user who may sudo, an apt or dnf of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from lab.hosts import client_key, end_jobs, known_hosts_line, make_key, make_user, remove_user, start_sshd
from lab.packages_root import AptRoot, guarded
from lab.packages_root_dnf import DnfRoot
from lab.processes import Processes
from lab.shell import LabError, run, usual_umask, write

__all__ = ["PASSWORD", "PackageHost", "Sudo", "package_host"]

PASSWORD = "c0rrect horse'%$ staple"
"""Of the hosts' users, for sudo."""

Sudo: TypeAlias = Literal["free", "password", "none", "tty", "few"]
"""Without a password, with one, not at all, with a terminal only, or for another command only."""

_RULES = {
    "free": "{user} ALL=(ALL) NOPASSWD: ALL\n",
    "password": "{user} ALL=(ALL) ALL\n",
    "none": "",
    "tty": "Defaults:{user} requiretty\n{user} ALL=(ALL) NOPASSWD: ALL\n",
    "few": "{user} ALL=(ALL) NOPASSWD: /usr/bin/true\n",
}
_PATCHING = (
    "apt-get",
    "apt-config",
    "apt-mark",
    "dpkg",
    "dpkg-query",
    "dnf",
    "rpm",
    "systemctl",
    "needrestart",
)


@dataclass(frozen=True, slots=True)
class PackageHost:
    """The host as tests and inventories see it."""

    name: str
    address: str
    port: int
    user: str
    home: Path
    identity_file: Path
    known_hosts: str
    """Its line of a known_hosts file."""
    packages: AptRoot | DnfRoot
    processes: Processes

    @property
    def site(self) -> Path:
        """The folder of a static site."""
        return self.home / "www"

    def reset(self) -> None:
        """First state: the packages, sudo without a password, nothing running."""
        end_jobs(self.user)
        self.sudo("free")
        self.packages.reset()
        write(self.packages.folder / "user", self.user)
        for path in self.home.iterdir():
            if path.name not in {".ssh", "www"}:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def sudo(self, how: Sudo, extra: str = "") -> None:
        """What the user may do as root. The commands of its own packages come first on root's PATH."""
        path = f"{self.packages.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        rules = f'Defaults:{self.user} secure_path="{path}"\n{extra}{_RULES[how].format(user=self.user)}'
        fresh = self.packages.folder / "sudoers"
        write(fresh, rules, mode=0o440)
        run("visudo", "-cqf", fresh)
        write(_sudoers(self.user), rules, mode=0o440)

    def check(self) -> None:
        """Refuses a host on which this machine's own packages could be reached.

        Raises:
            LabError: they could.
        """
        names = " ".join(name for name in _PATCHING if (self.packages.bin / name).exists())
        ask = f"for name in {names}; do command -v $name; done"
        as_user = ("env", f"PATH={self.packages.bin}:/usr/bin:/bin")
        guarded(run("sudo", "-n", "/bin/sh", "-c", ask, user=self.user).split(), self.packages.bin)
        guarded(run(*as_user, "/bin/sh", "-c", ask, user=self.user).split(), self.packages.bin)


@contextmanager
def package_host(root: Path, number: int, kind: Literal["apt", "dnf"]) -> Iterator[PackageHost]:
    """A running host on 127.0.`150 + number`.1 (apt) or .2 (dnf); everything of it is gone afterwards.

    Args:
        root: A folder that any user may enter; it is taken away at the end.
        number: Hosts with different numbers live side by side.
        kind: What looks after its packages.

    Raises:
        LabError: not root, or something could not be installed or started.
    """
    if os.geteuid() != 0:
        raise LabError("a host with sudo needs root: a unix user and a sudoers file are made")
    user, place = f"crew-{kind}{number}", root / kind
    home, processes = place / "home", Processes(place / "run", place / "log")
    packages = AptRoot(place / "packages") if kind == "apt" else DnfRoot(place / "packages")
    with usual_umask():
        packages.build()
        make_user(user, home, client_key(place / "ssh/id_ed25519"))
        run("chpasswd", stdin=f"{user}:{PASSWORD}\n")
        (home / "www").mkdir(exist_ok=True)
        shutil.chown(home / "www", user, user)
        address = f"127.0.{150 + number}.{1 if kind == 'apt' else 2}"
        key = place / "ssh/host"
        host = PackageHost(
            name=f"{kind}1",
            address=address,
            port=2222,
            user=user,
            home=home,
            identity_file=place / "ssh/id_ed25519",
            known_hosts=known_hosts_line(address, 2222, make_key(key)),
            packages=packages,
            processes=processes,
        )
        environment = {
            "PATH": f"{packages.bin}:/usr/local/bin:/usr/bin:/bin",
            "SITECREW_BOOT_ID": str(packages.folder / "boot_id"),
        }
        try:
            host.reset()
            host.check()
            start_sshd(
                processes, "sshd", address=address, port=2222, user=user, key=key, environment=environment
            )
            yield host
        finally:
            processes.stop("sshd")
            _sudoers(user).unlink(missing_ok=True)
            end_jobs(user)
            remove_user(user)
            shutil.rmtree(place, ignore_errors=True)


def _sudoers(user: str) -> Path:
    """The file of our rules; sudo reads none whose name has a dot."""
    return Path("/etc/sudoers.d") / f"sitecrew-lab-{user}"
