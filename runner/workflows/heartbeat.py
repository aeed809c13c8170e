"""Request a heartbeat URL while the scheduler works, so that a monitoring service notices if it stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from runner.deliver import ping
from runner.errors import SitecrewError
from runner.hosts.boundary import UnexpectedError
from runner.load import resolve

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Heartbeat", "beat"]

_INTERVAL = 60.0
_SHOWN_AFTER = 3
"""Failures in a row after which they are shown."""


class Heartbeat:
    """Sends at most one request per minute, and only after a tick.

    The thread that sends waits for ticks, so that it is silent if the scheduler hangs; and a slow answer does
    not delay the scheduler.
    """

    def __init__(self, read: Callable[[], Workspace]) -> None:
        self._read = read
        self._ticked = threading.Event()
        self._sent: float | None = None
        self._failures = 0
        self.problem = ""
        """Why the last requests failed; empty until several in a row have failed."""
        threading.Thread(target=self._send_forever, name="heartbeat", daemon=True).start()

    def ticked(self) -> None:
        """Note that a tick has succeeded."""
        self._ticked.set()

    def _send_forever(self) -> None:
        while True:
            self._ticked.wait()
            self._ticked.clear()
            if self._sent is None or time.monotonic() - self._sent >= _INTERVAL:
                self._sent = time.monotonic()
                self._note(beat(self._read()))

    def _note(self, failure: str) -> None:
        self._failures = self._failures + 1 if failure else 0
        shown = self._failures >= _SHOWN_AFTER
        self.problem = f"the heartbeat failed {self._failures} times: {failure}" if shown else ""


def beat(workspace: Workspace) -> str:
    """Request the heartbeat URL, if one is set; return why that failed, empty if it did not."""
    url = workspace.settings.crew.heartbeat
    if url is None:
        return ""
    try:
        return ping(url, partial(resolve, base=workspace.folder))
    except SitecrewError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - it must not end the scheduler
        return str(UnexpectedError.of(error))
