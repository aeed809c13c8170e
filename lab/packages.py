"""The Debian packages that the lab runs on: what is missing is installed, and only then are lists fetched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab.shell import LabError, run

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ensure", "missing", "php_fpm"]

NEEDED = (
    "acl",
    "mariadb-client",
    "mariadb-server",
    "nginx-light",
    "openssh-client",
    "openssh-server",
    "php-cli",
    "php-curl",
    "php-fpm",
    "php-gd",
    "php-mbstring",
    "php-mysql",
    "php-xml",
    "php-zip",
    "rsync",
)


def ensure(needed: Iterable[str] = NEEDED) -> None:
    """Installs what is missing, without starting the services that come along.

    Raises:
        LabError: apt could not install it, or there is no apt.
    """
    absent = missing(needed)
    if not absent:
        return
    # Both keep the packages' own services still: the lab runs instances of its own.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_OFFLINE": "1", "RUNLEVEL": "1"}
    wait = ("-o", "DPkg::Lock::Timeout=300")
    for argv in (
        ["apt-get", "update", "-qq", *wait],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wait, *absent],
    ):
        try:
            # In a session of its own: Ctrl-C does not reach dpkg in the middle of a package.
            done = subprocess.run(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise LabError(f"the lab needs Debian's packages {' '.join(absent)}, and apt-get") from None
        if done.returncode != 0:
            raise LabError(f"{' '.join(argv)} failed:\n{(done.stdout + done.stderr)[-1500:]}")


def missing(needed: Iterable[str] = NEEDED) -> list[str]:
    """Those of the packages that this machine lacks."""
    return sorted(set(needed) - installed())


def installed() -> set[str]:
    """Those of the machine's packages that are there."""
    try:
        listed = run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n")
    except FileNotFoundError:
        raise LabError("the lab runs on Debian and its relatives: there is no dpkg here") from None
    return {line.split()[1] for line in listed.splitlines() if line.startswith("installed ")}


def php_fpm() -> Path:
    """The newest php-fpm of this machine."""
    found = sorted(Path("/usr/sbin").glob("php-fpm[0-9]*"))
    if not found:
        raise LabError("no php-fpm in /usr/sbin: apt-get install php-fpm")
    return found[-1]
