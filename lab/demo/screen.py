"""What the demo prints: never silent for more than a few seconds."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["heading", "say", "waiting"]

EVERY = 4.0
"""Seconds after which a line says that something is still going on, where there is no terminal."""


def say(text: str = "", *, file: TextIO | None = None) -> None:
    """Print a line."""
    print(text, flush=True, file=file or sys.stdout)


def heading(text: str) -> None:
    """Print a line in bold, after an empty one."""
    console().print(f"\n{text}", style="bold", markup=False)


def console() -> Console:
    """The terminal, or the file that stdout is."""
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def waiting() -> Iterator[Callable[[str], None]]:
    """For a block that takes its time: the function that is yielded says what is done next."""
    screen = console()
    if screen.is_terminal:
        with _spinning(screen) as note:
            yield note
        return
    with _ticking() as note:
        yield note


@contextmanager
def _spinning(screen: Console) -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task("")

        def note(text: str) -> None:
            progress.reset(task, description=text)

        yield note


@contextmanager
def _ticking() -> Iterator[Callable[[str], None]]:
    current: list[tuple[str, float]] = []
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(EVERY):
            for text, since in current[-1:]:
                say(f"  ... {text} ({time.monotonic() - since:.0f} s)")

    def note(text: str) -> None:
        current.append((text, time.monotonic()))
        say(f"  {text}")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield note
    finally:
        ended.set()
        thread.join()
