"""The callbacks and controls of a job that is being followed."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from runner.execute.events import Awaiting, Event
from runner.execute.limits import Span, Timeouts
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
    """How a job is followed."""

    on_event: OnEvent | None
    verdict: Judge | None
    control: Control
    limits: Timeouts
    span: Span | None = None
    """How long the job may take; None if its commands are not known here."""
    flood: int = 256 << 20
    """Bytes of output at which the host stops the running command; the host checks once a second."""
    commands: Collection[str] | None = None
    """The ids of its commands; None if they are not known here."""


class Control:
    """Sends words to a job that another thread follows. They are sent again after a broken connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._words: list[str] = []
        self._exec: Exec | None = None
        self.cancelled: float = math.inf
        """When it was cancelled, in monotonic seconds."""

    def cancel(self) -> None:
        """Stop the running command, skip the others, clean up."""
        self.say("cancel")

    def say(self, word: Word) -> None:
        """Send a word now, and again on every later connection. The host obeys the first word it gets."""
        with self._lock:
            self._words.append(word)
            if word == "cancel":
                self.cancelled = min(self.cancelled, time.monotonic())
            self._send(word)

    def hold(self) -> None:
        """Restart the timer after which the host decides itself."""
        with self._lock:
            self._send("wait")

    def bind(self, exec_: Exec | None) -> None:
        """Use this exec channel from now on, and send it the words so far."""
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
