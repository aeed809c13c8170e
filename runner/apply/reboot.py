"""Reboot a host and wait until it is back with another boot id."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import HostError, UnreachableError
from runner.execute import Command
from runner.steps.packages import Sections, boot_script, reboot_script
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["Rebooted", "reboot"]

_PAUSE = 2.0
_STARTING = {"initializing", "starting"}


@dataclass(frozen=True, slots=True)
class Rebooted:
    """The result of a reboot, as part of a sentence."""

    result: str
    failed: bool = False


def reboot(remote: Remote, boot: str, *, become: bool, limit: float, stop: Callable[[], bool]) -> Rebooted:
    """Reboot a host that has the boot id `boot`, and wait at most `limit` seconds until it is back.

    A host with another boot id was rebooted before and is not rebooted again, so this may be repeated.
    """
    started = time.monotonic()
    if refused := _start_reboot(remote, boot, become=become):
        return Rebooted(f"not rebooted: {refused}", failed=True)
    last = ""
    while time.monotonic() - started < limit and not stop():
        now, state = _read_boot(remote)
        if now and now != boot:
            last = state
            if state not in _STARTING:
                seconds = time.monotonic() - started
                degraded = ", but some of its services have failed" if state == "degraded" else ""
                return Rebooted(f"rebooted, and back after {seconds:.0f} s{degraded}")
        time.sleep(_PAUSE)
    if stop():
        return Rebooted("the run was cancelled during the reboot", failed=True)
    if last:
        return Rebooted(f"rebooted, but still {last} after {limit:.0f} s", failed=True)
    return Rebooted(f"rebooting, but not back after {limit:.0f} s: check its console", failed=True)


def _start_reboot(remote: Remote, boot: str, *, become: bool) -> str:
    """Start the reboot; return why the host refuses, empty if it reboots or was rebooted before."""
    mark = secrets.token_hex(16)
    command = Command("reboot", reboot_script(mark, boot), timeout=30)
    command = remote.with_sudo(command, mark) if become else command
    try:
        record = remote.read((command,))["reboot"]
    except UnreachableError:
        return ""  # it went down before it could answer
    printed = Sections.of(record.text, mark).text("rebooting")
    match = re.search(r"^status ([1-9]\d*)$", printed, re.MULTILINE)
    return sentence(printed.replace(match[0], "")) or "the command failed" if match else ""


def _read_boot(remote: Remote) -> tuple[str, str]:
    """Return boot id and state, over a new connection as the old one may hang; empty without an answer."""
    mark = secrets.token_hex(16)
    try:
        with remote.fresh() as fresh:
            command = Command("boot", boot_script(mark), timeout=20)
            record = fresh.read((command,))["boot"]
    except (HostError, KeyError):
        return "", ""
    sections = Sections.of(record.text, mark)
    return sections.text("boot"), sections.text("state")
