"""Compute the units as the owner of the workspace, since root does not read files of another user."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from runner.cli.service.units import Unit
from runner.errors import UsageError

__all__ = ["Printed", "print_as_owner"]

_MODULE = ("-m", "runner")


@dataclass(frozen=True, slots=True)
class Printed:
    """The output of `service print --json`."""

    units: tuple[Unit, ...]
    writable: tuple[Path, ...]
    """Folders that the service writes to."""


def print_as_owner(workspace: Path, arguments: Sequence[str]) -> Printed:
    """Run `service print --json` in a process of the workspace's owner if this one is root's.

    Raises:
        click.exceptions.Exit: it failed; it has printed why.
        UsageError: the owner cannot execute this program, so the service could not either.
    """
    try:
        done = subprocess.run(  # noqa: S603  # this program
            [
                sys.executable,
                *_MODULE,
                "--workspace",
                str(workspace),
                "service",
                "print",
                "--json",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
            text=True,
            **_identity(workspace),
        )
    except PermissionError:
        raise UsageError(
            f"{workspace.owner()}, the owner of the workspace, cannot execute {sys.executable}",
            hint="install Sitecrew in a folder that all users can read, such as /opt/sitecrew",
        ) from None
    if done.returncode:
        raise click.exceptions.Exit(done.returncode)
    found = json.loads(done.stdout)
    return Printed(
        tuple(Unit(Path(unit["path"]).name, unit["text"]) for unit in found["units"]),
        tuple(map(Path, found["writable"])),
    )


def _identity(workspace: Path) -> dict[str, Any]:
    """Return the arguments of `subprocess.run` that change the user, if that is needed."""
    status = workspace.stat()
    if os.geteuid() or status.st_uid in {0, int(os.environ.get("SUDO_UID") or 0)}:
        return {}
    try:
        account = pwd.getpwuid(status.st_uid)
        name, home = account.pw_name, account.pw_dir
    except KeyError:
        name, home = str(status.st_uid), "/nonexistent"
    environment = {**os.environ, "HOME": home, "USER": name, "LOGNAME": name}
    groups = os.getgrouplist(name, status.st_gid) if not name.isdigit() else []
    return {
        "user": status.st_uid,
        "group": status.st_gid,
        "extra_groups": groups,
        "env": environment,
        "cwd": "/",
    }
