"""Rebooting a host: told, gone, and back under another boot id."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import HostError, UnreachableError
from runner.execute import Task as Command
from runner.steps.packages import Sections, boot_script, reboot_script
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["Rebooted", "reboot"]

_PAUSE = 2.0
_STARTING = {"initializing", "starting"}


@dataclass(frozen=True, slots=True)
class Rebooted:
    """What came of it, in words that follow each other in a sentence."""

    said: str
    failed: bool = False


def reboot(remote: Remote, boot: str, *, become: bool, limit: float, stop: Callable[[], bool]) -> Rebooted:
    """Reboot a host that runs under the boot id `boot`, and wait at most `limit` seconds until it is back.

    A host that is under another boot id already has been rebooted and is left alone, so this may be repeated.
    """
    began = time.monotonic()
    if refused := _tell(remote, boot, become=become):
        return Rebooted(f"not rebooted: {refused}", failed=True)
    seen = ""
    while time.monotonic() - began < limit and not stop():
        now, state = _look(remote)
        if now and now != boot:
            seen = state
            if state not in _STARTING:
                seconds = time.monotonic() - began
                degraded = ", but some of its services have failed" if state == "degraded" else ""
                return Rebooted(f"rebooted, and back after {seconds:.0f} s{degraded}")
        time.sleep(_PAUSE)
    if stop():
        return Rebooted("the reboot was not waited for, since the run was cancelled", failed=True)
    if seen:
        return Rebooted(f"rebooted, but still {seen} after {limit:.0f} s", failed=True)
    return Rebooted(f"told to reboot, but not back after {limit:.0f} s: look at its console", failed=True)


def _tell(remote: Remote, boot: str, *, become: bool) -> str:
    """Why the host would not reboot; empty when it will, or has."""
    mark = secrets.token_hex(16)
    command = Command("reboot", reboot_script(mark, boot), timeout=30)
    command = remote.with_sudo(command, mark) if become else command
    try:
        record = remote.read((command,))["reboot"]
    except UnreachableError:
        return ""  # gone so soon that it could not answer
    said = Sections.of(record.text, mark)
    match = re.search(r"^status ([1-9]\d*)$", said.text("rebooting"), re.MULTILINE)
    return sentence(said.text("rebooting").replace(match[0], "")) or "the command failed" if match else ""


def _look(remote: Remote) -> tuple[str, str]:
    """Boot id and state, empty where nobody answers. A connection of its own: the old one may hang."""
    mark = secrets.token_hex(16)
    try:
        with remote.fresh() as fresh:
            command = Command("boot", boot_script(mark), timeout=20)
            record = fresh.read((command,))["boot"]
    except (HostError, KeyError):
        return "", ""
    said = Sections.of(record.text, mark)
    return said.text("boot"), said.text("state")
