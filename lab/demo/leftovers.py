"""What the demo leaves on the machine, and its removal."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab import downloads
from lab.demo.screen import say, waiting

if TYPE_CHECKING:
    from lab.demo.workspace import Workspace
    from lab.fleet import Fleet

__all__ = ["say_what_is_left", "stop", "wipe"]


def stop(fleet: Fleet) -> None:
    """Stop what the demo has started."""
    with waiting() as note:
        note("stop the hosts and servers")
        stopped = fleet.down()
    say(f"stopped: {', '.join(sorted(stopped))}" if stopped else "nothing was running")


def say_what_is_left(fleet: Fleet, workspace: Workspace) -> None:
    """List the files, users and packages of the demo."""
    users = ", ".join(fleet.spec.user(host.name) for host in fleet.spec.hosts)
    left = {
        str(fleet.spec.root): f"sites, databases, logs; unix users {users}",
        str(workspace.state): "ledger, snapshots, keys",
        str(workspace.reports): "reports",
        str(downloads.cache_folder()): "downloads of WordPress and wp-cli",
    }
    say("left on this machine:")
    for path, what in left.items():
        if Path(path).exists():
            say(f"  {path}\n    {what}")
    _say_packages(fleet.installed_packages)
    say("scripts/demo continues; scripts/demo wipe removes all but the packages")


def wipe(fleet: Fleet, workspace: Workspace) -> None:
    """Stop everything, and remove every file and user of the demo."""
    packages = fleet.installed_packages
    with waiting() as note:
        users = [fleet.spec.user(host.name) for host in fleet.spec.hosts]
        note("stop the hosts and servers")
        fleet.down()
        note("remove users and files")
        fleet.wipe()
        for user in users:
            for place in ("/var/tmp", "/tmp"):
                shutil.rmtree(f"{place}/.sitecrew-{user}", ignore_errors=True)
        downloads.clear()
        fleet.spec.root.with_name(f"{fleet.spec.root.name}.lock").unlink(missing_ok=True)
    removed = [fleet.spec.root, downloads.cache_folder()]
    if strangers := workspace.strangers(fleet.spec.network):
        say(f"kept: {workspace.state}, as inventory.yaml has hosts of yours: {', '.join(strangers)}")
    else:
        workspace.forget()
        removed += [workspace.state, workspace.reports]
    say(f"removed: {', '.join(map(str, removed))}; unix users {', '.join(users)}")
    _say_packages(packages)
    say("kept: .venv")


def _say_packages(packages: list[str]) -> None:
    if packages:
        say(f"kept: the Debian packages that the demo has installed\n  {' '.join(packages)}")
