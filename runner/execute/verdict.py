"""The verdict on a job's changes, asked for in a thread of its own."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.execute.events import Awaiting
    from runner.execute.watch import Control, Judge

__all__ = ["VerdictThread"]


class VerdictThread:
    """Calls the judge once and sends its verdict. Until then it keeps restarting the host's timer."""

    def __init__(
        self, judge: Judge | None, control: Control, interval: float, interrupt: Callable[[], None]
    ) -> None:
        """Prepare; nothing is called yet.

        Args:
            judge: Returns the verdict; None leaves it to the host.
            control: Sends words to the job.
            interval: The longest time between two restarts of the timer, in seconds.
            interrupt: Called when the judge has raised, to wake the thread that follows the job.
        """
        self._judge, self._control, self._interval, self._interrupt = judge, control, interval, interrupt
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._held_at = 0.0

    @property
    def is_running(self) -> bool:
        """Whether the judge has been called and has not returned."""
        return self._thread is not None and self._thread.is_alive()

    def start_or_hold(self, awaiting: Awaiting) -> None:
        """Call the judge if that has not been done; else restart the host's timer if it is time to."""
        if self._thread is None and self._judge is not None:
            self._held_at = time.monotonic()
            self._thread = threading.Thread(target=self._ask, args=(self._judge, awaiting), daemon=True)
            self._thread.start()
        elif self.is_running and time.monotonic() - self._held_at >= self._pause(awaiting):
            self._held_at = time.monotonic()
            self._control.hold()

    def next_hold(self, awaiting: Awaiting | None) -> float:
        """When to restart the host's timer, in monotonic seconds."""
        return self._held_at + self._pause(awaiting) if self.is_running else math.inf

    def raise_failure(self) -> None:
        """Raise what the judge has raised, if anything."""
        if self._failure is not None:
            raise self._failure

    def join(self) -> None:
        """Wait for the judge to return."""
        if self._thread is not None:
            self._thread.join()

    def _pause(self, awaiting: Awaiting | None) -> float:
        return max(min(self._interval, awaiting.seconds / 3), 0.2) if awaiting else self._interval

    def _ask(self, judge: Judge, awaiting: Awaiting) -> None:
        try:
            word = judge(awaiting)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._failure = error
            self._interrupt()
        else:
            if word is not None:
                self._control.say(word)
