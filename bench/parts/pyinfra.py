"""pyinfra, in a virtual environment of its own in the cache folder: it wants an older paramiko than ours."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from lab.downloads import cache_folder
from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.parts.ground import Ground

__all__ = ["VERSION", "command", "environment"]

VERSION = "3.10.0"

OPERATIONS = """\
from pyinfra.operations import server

for number in range({steps}):
    server.shell(name=f"step {{number}}", commands=["true"])
"""


def environment() -> Path:
    """The folder of pyinfra's programs; installed once."""
    folder = cache_folder() / f"pyinfra-{VERSION}"
    if not (folder / "ready").exists():
        print(f"installing pyinfra {VERSION} into {folder} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"pyinfra=={VERSION}"], check=True)
        (folder / "ready").touch()
    return folder / "bin"


def command(ground: Ground, folder: Path, steps: int) -> list[str]:
    """The command line for the same work, with the fastest settings of those that were tried.

    No agent and no default keys are read, all host keys are known, and no host waits for another.
    """
    hosts = ground.hosts
    data: Mapping[str, object] = {
        "ssh_port": ground.port,
        "ssh_user": hosts.user,
        "ssh_key": str(hosts.identity_file),
        "ssh_known_hosts_file": str(ground.known_hosts),
        "ssh_strict_host_key_checking": "yes",
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
    }
    write(folder / "inventory.py", f"bench = ({list(hosts.addresses)!r}, {dict(data)!r})\n")
    write(folder / "deploy.py", OPERATIONS.format(steps=steps))
    programs = environment()
    parallel = ["--parallel", str(len(hosts.addresses)), "--no-wait"]
    return [str(programs / "pyinfra"), "-y", *parallel, "inventory.py", "deploy.py"]
