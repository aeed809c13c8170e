"""The workspace of the demo, the folder of the repository, and the command line that works in it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab.demo.screen import say
from lab.shell import LabError

if TYPE_CHECKING:
    from lab.demo.user import User
    from lab.fleet import Fleet

__all__ = ["Workspace"]

PATIENCE = 90.0
"""Seconds that an interrupted command may take to end."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with the inventory of the demo, and its user."""

    folder: Path
    user: User

    @property
    def state(self) -> Path:
        """The ledger, the snapshots and the keys."""
        return self.folder / ".sitecrew"

    @property
    def reports(self) -> Path:
        """The reports that were made."""
        return self.folder / "reports/out"

    def strangers(self, network: str) -> list[str]:
        """Names of hosts in the inventory that are not the demo's."""
        hosts = yaml.safe_load((self.folder / "inventory.yaml").read_text()).get("hosts") or {}
        addresses = {name: str(host.get("address")) for name, host in hosts.items()}
        return [name for name, address in addresses.items() if not address.startswith(f"{network}.")]

    def require_demo(self, network: str) -> None:
        """Refuse to work on hosts that are not the demo's.

        Raises:
            LabError: There are such hosts in the inventory.
        """
        if strangers := self.strangers(network):
            raise LabError(
                f"inventory.yaml has hosts that are not the demo's: {', '.join(strangers)}\n"
                "Run the demo in a fresh copy of the repository."
            )

    def write_keys(self, fleet: Fleet) -> None:
        """Put the key pair and the hosts' keys where the inventory and the settings name them."""
        place = self.state / "demo"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, known_hosts = place / "id_ed25519", place / "known_hosts"
        key.unlink(missing_ok=True)
        shutil.copyfile(fleet.identity_file, key)
        key.chmod(0o600)
        known_hosts.write_text("".join(f"{line}\n" for line in fleet.known_hosts_lines()))
        self.user.own(self.state, place, key, known_hosts)

    def forget(self) -> None:
        """Delete the ledger, the snapshots, the keys and the reports."""
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.reports, ignore_errors=True)

    def run(self, *arguments: str) -> int:
        """Run a `sitecrew` command on this terminal; returns its exit code.

        On Ctrl-C the command is asked to end, and waited for.
        """
        child = self.user.start(self._argv(*arguments), self.folder)
        try:
            return child.wait()
        except BaseException:
            self._end(child)
            raise

    def read(self, *arguments: str) -> Any:
        """Return what a `sitecrew` command prints as JSON.

        Raises:
            LabError: The command failed; what it printed is in the message.
        """
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        child = self.user.start(self._argv(*arguments, "--json"), self.folder, **pipes)
        out, err = child.communicate()
        if child.returncode != 0:
            text = err.decode(errors="replace")
            raise LabError(f"sitecrew {' '.join(arguments)} ended with {child.returncode}:\n{text}")
        return json.loads(out)

    def _argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "runner", *arguments]

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Cancel what is running: the first signal, which may come from the terminal, lets sites finish."""
        say("\ncancelling the run; sites that are being changed are rolled back ...")
        # Signals that are pending at the same time are delivered as one.
        time.sleep(0.3)
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
