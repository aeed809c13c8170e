"""What a fleet stands on: folders, users, keys, and what leads its sites away from the internet."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab import downloads, hosts, packages
from lab.hosts import Host
from lab.shell import LabError, write
from lab.web import php_log

if TYPE_CHECKING:
    from lab.downloads import Downloads
    from lab.spec import FleetSpec

__all__ = ["host", "identity_file", "known_hosts", "lay_out", "preparing", "sent_by_sites"]

HERE = Path(__file__).parent

KEEP_MAIL = """#!/bin/sh
# What PHP wants to send by mail is kept here instead.
exec cat > "@FOLDER@/$(id -un).$(date +%s%N).$$.eml"
"""


def identity_file(spec: FleetSpec) -> Path:
    """The private key that logs in to every host."""
    return spec.root / "ssh/id_ed25519"


def known_hosts(spec: FleetSpec) -> Path:
    """A known_hosts file with every host."""
    return spec.root / "ssh/known_hosts"


def sent_by_sites(spec: FleetSpec) -> Path:
    """Where the mails go that PHP wanted to send."""
    return spec.root / "sent-by-sites"


def host(spec: FleetSpec, name: str) -> Host:
    """A host with its key.

    Raises:
        LabError: The fleet has never been up, so there is no key.
    """
    public = spec.root / f"ssh/{name}.pub"
    if not public.exists():
        raise LabError("this fleet has never been up: python -m lab up")
    kind, key, *_ = public.read_text().split()
    home, log = spec.home(name), php_log(spec, name)
    return Host(name, spec.address(name), spec.ssh_port, spec.user(name), home, f"{kind} {key}", log)


def preparing() -> str:
    """Describes what has to be installed and fetched before a fleet can start on this machine."""
    parts = []
    if missing := packages.missing():
        parts.append(f"install {len(missing)} Debian packages")
    if not downloads.is_cached():
        parts.append("fetch WordPress and wp-cli")
    return ", ".join(parts) or "check packages and downloads"


def lay_out(spec: FleetSpec, fetched: Downloads) -> None:
    """Makes what is missing; quick enough to be gone through every time."""
    root = spec.root
    (root / "bin").mkdir(parents=True, exist_ok=True)
    if not (root / "bin/wp").exists():
        write(root / "bin/wp", fetched.wp_cli.read_bytes(), mode=0o755)
    sent_by_sites(spec).mkdir(exist_ok=True)
    sent_by_sites(spec).chmod(0o1777)
    write(root / "bin/keep-mail", KEEP_MAIL.replace("@FOLDER@", str(sent_by_sites(spec))), mode=0o755)
    settings = {"sendmail_path": root / "bin/keep-mail", "opcache.revalidate_freq": spec.opcache}
    write(root / "etc/php/lab.ini", "".join(f"{name} = {value}\n" for name, value in settings.items()))
    wporg = f"http://{spec.services}:{spec.wporg_port}"
    for name in ("setup.php", "wp-cli.php"):
        write(root / "etc" / name, (HERE / "php" / name).read_text().replace("@WPORG@", wporg))
    public = hosts.client_key(identity_file(spec))
    for one in spec.hosts:
        home, user = spec.home(one.name), spec.user(one.name)
        hosts.make_user(user, home, public)
        write(home / ".wp-cli/config.yml", f"require:\n  - {root / 'etc/wp-cli.php'}\n")
        shutil.chown(home / ".wp-cli", user, user)
        hosts.make_key(root / f"ssh/{one.name}")
    lines = [host(spec, one.name).known_hosts_line() for one in spec.hosts]
    write(known_hosts(spec), "".join(f"{line}\n" for line in lines))
