"""Limits on logins: how long they may take, how many at once, and a pause after a refusal."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import LoginRefusedError

if TYPE_CHECKING:
    from runner.execute.credentials import Credentials
    from runner.execute.endpoint import Target

__all__ = ["Logins", "Waits"]


@dataclass(frozen=True, slots=True)
class Waits:
    """Limits on opening a connection, in seconds unless stated otherwise."""

    connect: float = 10.0
    banner: float = 15.0
    login: float = 20.0
    tries: int = 6
    """Attempts if the greeting fails or the connection is reset: a busy sshd drops logins at random."""
    silence: float = 900.0
    """After a refused login, until the next attempt: the host may ban us."""


class Logins:
    """Limits the logins in progress on one sshd, which drops more at random, and pauses after a refusal."""

    def __init__(self, limit: int = 4, silence: float = 900.0) -> None:
        self._limit = limit
        self._silence = silence
        self._lock = threading.Lock()
        self._places: dict[tuple[str, int], threading.BoundedSemaphore] = {}
        self._refused: dict[tuple[object, ...], float] = {}
        """The end of the pause, by credentials."""

    def place(self, host: str, port: int) -> threading.BoundedSemaphore:
        """The semaphore to hold while logging in."""
        with self._lock:
            return self._places.setdefault((host, port), threading.BoundedSemaphore(self._limit))

    def refused(self, credentials: Credentials) -> None:
        """Remember that this login was refused."""
        self._refused[credentials.mark()] = time.monotonic() + self._silence

    def check(self, credentials: Credentials, target: Target, called: str) -> None:
        """Refuse another attempt with the same credentials too soon after a refusal.

        Raises:
            LoginRefusedError: the hint has the time to wait.
        """
        if not self._refused:
            return
        left = self._refused.get(credentials.mark(), 0.0) - time.monotonic()
        if left > 0:
            raise LoginRefusedError(
                f"{called}: the login as {target.user} was refused recently",
                hint=f"Next attempt in {left / 60:.0f} min, to avoid a ban. Fix the key first.",
            )
