"""Messages to systemd about the state of this process: the protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress

__all__ = ["Notifier", "Watchdog"]

_SOCKET, _WATCHDOG, _WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
_LONGEST_STATUS = 400
_PATIENCE = 1.0


class Notifier:
    """Sends messages to the socket that systemd named; does nothing if there is none.

    The variables are removed from the environment, so that programs started by this process do not send
    messages in its name.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        address = environ.pop(_SOCKET, "")
        self._address = address if address.startswith(("/", "@")) else ""
        usec, pid = environ.pop(_WATCHDOG, ""), environ.pop(_WATCHDOG_PID, "")
        mine = pid in {"", str(os.getpid())}
        self.watchdog_seconds = int(usec) / 1e6 if usec.isdigit() and mine else 0.0
        """Seconds within which systemd expects a sign of life; 0 for no limit."""
        self._status = ""

    def ready(self) -> None:
        """The process has started, or has finished reloading."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The process reads its files again, until `ready`."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The process finishes what is in progress and exits."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """The process works."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows; sent only if it has changed."""
        line = " ".join(text.split())[:_LONGEST_STATUS]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with (
            suppress(OSError),  # systemd is restarting: the next message will arrive
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.settimeout(_PATIENCE)
            sender.sendto(message.encode(errors="replace"), address)


class Watchdog:
    """Sends signs of life to systemd, only as long as there is progress.

    Args:
        notifier: sends them.
        now: returns monotonic seconds.
    """

    def __init__(self, notifier: Notifier, now: Callable[[], float] = time.monotonic) -> None:
        self._notifier, self._now = notifier, now
        self._sent = -notifier.watchdog_seconds
        self._progress: object = None

    def __call__(self, progress: object) -> None:
        """Send a sign of life if `progress` differs from that of the last one and it is time."""
        limit = self._notifier.watchdog_seconds
        if limit and progress != self._progress and self._now() - self._sent >= limit / 4:
            self._progress, self._sent = progress, self._now()
            self._notifier.alive()
