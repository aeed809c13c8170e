"""The command line with a clock that the file CLOCK sets, in seconds ahead of the real one. It runs on.

SIGUSR1 prints the stack of each thread to stderr.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from pathlib import Path

import time_machine

from runner.__main__ import main

CLOCK = Path(os.environ["CLOCK"])


def ahead() -> float:
    return float(CLOCK.read_text())


def follow(clock: time_machine.Coordinates, seconds: float) -> None:
    """Set the clock again whenever the file changes."""
    while True:
        time.sleep(0.05)
        if (now := ahead()) != seconds:
            clock.move_to(time_machine.escape_hatch.time.time() + now)
            seconds = now


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    first = ahead()
    with time_machine.travel(time.time() + first, tick=True) as coordinates:
        threading.Thread(target=follow, args=(coordinates, first), daemon=True).start()
        main()
