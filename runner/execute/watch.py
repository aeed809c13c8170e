"""Who looks on while a job is followed, and how to speak to it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from runner.execute.events import Awaiting, Event
from runner.execute.limits import Limits, Span
from runner.execute.link import CutError

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.execute.link import Exec

__all__ = ["Control", "Judge", "OnEvent", "Verdict", "Watch", "Word"]

Verdict: TypeAlias = Literal["keep", "undo"]
Word: TypeAlias = Literal["keep", "undo", "cancel"]
OnEvent: TypeAlias = Callable[[Event], None]
Judge: TypeAlias = Callable[[Awaiting], Verdict | None]


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on while a job is followed."""

    on_event: OnEvent | None
    verdict: Judge | None
    control: Control
    limits: Limits
    span: Span | None = None
    """How long the job may take; None: its tasks are not known here."""
    flood: int = 256 << 20
    """Bytes of output at which the host stops the job's task; it looks each second."""
    tasks: Collection[str] | None = None
    """The ids of its tasks, where they are known: there are no others."""


class Control:
    """Speaks to a job that another thread follows. Words outlive cut links."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._words: list[str] = []
        self._exec: Exec | None = None
        self.cancelled: float = math.inf
        """When it was cancelled, in monotonic seconds."""

    def cancel(self) -> None:
        """Stop the running task, skip the others, clean up."""
        self.say("cancel")

    def say(self, word: Word) -> None:
        """Send now, and again on every later link: the host heeds the first of them only."""
        with self._lock:
            self._words.append(word)
            if word == "cancel":
                self.cancelled = min(self.cancelled, time.monotonic())
            self._send(word)

    def hold(self) -> None:
        """Restart the dead man's timer."""
        with self._lock:
            self._send("wait")

    def bind(self, exec_: Exec | None) -> None:
        """The exec that takes words from now on; it gets what has been said."""
        with self._lock:
            self._exec = exec_
            for word in self._words:
                self._send(word)

    def _send(self, word: str) -> None:
        if self._exec is not None:
            try:
                self._exec.send(f"{word}\n".encode(), 10.0)
            except CutError:
                self._exec = None
