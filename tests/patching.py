"""A crew that patches hosts: a workspace for the lab's package hosts, and the command line as a process."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.packages_root_host import PASSWORD, package_host
from lab.shell import LabError
from tests.crew import Said, ended, start_sitecrew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.packages_root_host import PackageHost

__all__ = ["Patching", "a_host", "holding"]

SLOTS = Path("/var/tmp/sitecrew-tests")


@contextmanager
def a_host(kind: Any) -> Iterator[PackageHost]:
    """A package host with a number of its own: test processes run side by side."""
    import pytest

    SLOTS.mkdir(parents=True, exist_ok=True)
    for number in range(50):
        with (SLOTS / f"packages-{kind}-{number}.in-use").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            try:
                with package_host(SLOTS / f"packages-{number}", number, kind) as host:
                    yield host
            except LabError as error:
                pytest.fail(f"these tests need the lab's package host: {error}", pytrace=False)
            return


class Patching:
    """Three static sites of two clients on one host."""

    def __init__(self, host: PackageHost, folder: Path) -> None:
        self.host = host
        self.folder = folder
        (folder / "playbooks").mkdir(parents=True)
        (folder / "known_hosts").write_text(host.known_hosts + "\n")
        (folder / "sitecrew.yaml").write_text("ssh: {known_hosts: known_hosts}\n")
        self.inventory("become: sudo")

    def inventory(self, *lines: str) -> None:
        """Write it with these lines below the host."""
        host = self.host
        folders = {"one": host.site, "two": host.home, "other": host.home / ".ssh"}
        sites = {
            name: f'{name}: {{url: "http://127.0.0.1:1", host: web, path: {path}, kind: static}}'
            for name, path in folders.items()
        }
        below = "".join(f"    {line}\n" for line in lines)
        (self.folder / "inventory.yaml").write_text(
            f"hosts:\n  web:\n    address: {host.address}\n    port: {host.port}\n    user: {host.user}\n"
            f"    identity_file: {host.identity_file}\n{below}"
            f"clients:\n  acme:\n    name: Acme\n    sites:\n      {sites['one']}\n      {sites['two']}\n"
            f"  globex:\n    name: Globex\n    sites:\n      {sites['other']}\n"
        )

    def playbook(self, *steps: str) -> None:
        """Write it; each step is YAML without its dash."""
        text = "".join("  - " + step.strip().replace("\n", "\n    ") + "\n" for step in steps)
        (self.folder / "playbooks/patch.yaml").write_text(f"name: Patch\nsteps:\n{text}")

    def packages(self, options: str, *more: str) -> None:
        """Write a playbook of this one step, as root; `more` are lines beside it."""
        self.playbook("\n".join([f"system.packages: {{{options}}}", "become: true", *more]))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command as a process, in a group of its own."""
        return start_sitecrew(*arguments, folder=self.folder, env={"LAB_SUDO": PASSWORD})

    def say(self, *arguments: str) -> Said:
        """A command, to its end."""
        return ended(self.start(*arguments))

    def plan(self, site: str = "one") -> dict[str, Any]:
        """What `plan` says of a site."""
        said = self.say("plan", "patch", "--json", "-l", site)
        found: dict[str, Any] = json.loads(said.out)["sites"][0]
        return found

    def run(self, *sites: str) -> tuple[Said, dict[str, dict[str, Any]]]:
        """Run the playbook, on the first site unless told otherwise; how its packages step ended, by site."""
        limits = [word for site in sites or ("one",) for word in ("-l", site)]
        said = self.say("run", "patch", "-y", "--json", *limits)
        steps = [event for event in said.events if event["event"] == "step.finished"]
        return said, {event["site"]: event for event in steps if event["step"].startswith("system.")}


@contextmanager
def holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has locked this file, as apt and rpm do; it ends when told to, or with the block."""
    text = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'a')\nfcntl.lockf(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", text, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.stdin.close()
