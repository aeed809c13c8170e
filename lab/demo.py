"""The demo: the fleet comes up, the weekly window runs over it, and each client gets a report by mail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.fleet import Fleet
from lab.shell import LabError
from lab.spec import FleetSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

HERE = Path(__file__).parent.parent
CREW = [sys.executable, "-m", "runner"]


def main(arguments: Sequence[str]) -> int:
    """`up` (the default) or `down`; returns the exit code."""
    fleet = Fleet(FleetSpec())
    os.chdir(HERE)
    try:
        if list(arguments) == ["down"]:
            stopped = fleet.down()
            say(f"stopped {', '.join(stopped)}" if stopped else "nothing of the demo was running")
            return 0
        if arguments:
            say("usage: scripts/demo [down]")
            return 2
        return _show(fleet)
    except LabError as error:
        say(f"the lab: {error}")
        return 1
    finally:
        _give_back(HERE / ".sitecrew", HERE / "reports/out")


def _show(fleet: Fleet) -> int:
    began = time.monotonic()
    say("bringing up three hosts, three WordPress sites, a static site and a mailbox ...")
    fleet.up()
    fleet.reset()
    fleet.mailbox.behave()
    fleet.mailbox.clear()
    _keys(fleet)
    say(f"ready after {time.monotonic() - began:.0f} s; running the weekly window: sitecrew run weekly\n")
    code = subprocess.run([*CREW, "run", "weekly"], check=False).returncode
    if code not in {0, 3, 5}:
        return code
    period = f"{datetime.now(UTC):%Y-%m}"
    for client in fleet.spec.clients:
        subprocess.run([*CREW, "report", client.id, "--period", period, "--send", "--again"], check=True)
    _say_what_happened(fleet, period, time.monotonic() - began)
    return code


def _keys(fleet: Fleet) -> None:
    """The key pair and the hosts' keys of this fleet, where the workspace looks for them."""
    folder = HERE / ".sitecrew/demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(fleet.identity_file, folder / "id_ed25519")
    (folder / "id_ed25519").chmod(0o600)
    (folder / "known_hosts").write_text("".join(f"{line}\n" for line in fleet.known_hosts_lines()))


def _say_what_happened(fleet: Fleet, period: str, seconds: float) -> None:
    shown = subprocess.run([*CREW, "show", "--json"], check=True, stdout=subprocess.PIPE)
    run: dict[str, Any] = json.loads(shown.stdout)
    changes = [c for site in run["sites"] for step in site["steps"] for c in step["changes"]]
    done = sum(change["outcome"] == "changed" for change in changes)
    letters = fleet.mailbox.letters()
    say("")
    say(f"{len(run['sites'])} sites, {done} updates done, outcome {run['outcome']}, {seconds:.0f} s in all")
    say(f"  reports   {', '.join(f'reports/out/{c.id}-{period}.html' for c in fleet.spec.clients)}")
    say(f"  mailbox   {len(letters)} letters in {fleet.mailbox.letters_folder}")
    say(f"  sites     {', '.join(site.url for site in fleet.sites.values())}")
    say("next:")
    say("  .venv/bin/sitecrew show last            what was done, site by site")
    say("  .venv/bin/sitecrew plan weekly          what is left to do")
    say("  .venv/bin/sitecrew list runs            every run so far")
    say("  scripts/demo down                       stop what the demo started")


def _give_back(*folders: Path) -> None:
    """What root wrote into the workspace belongs to the person who called sudo."""
    if "SUDO_UID" not in os.environ:
        return
    owner, group = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, group, follow_symlinks=False)


def say(text: str) -> None:
    """To the person."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
