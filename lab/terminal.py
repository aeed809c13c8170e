"""A program on a real terminal of a given size: what a person types, and what they see.

Usage:
    with Terminal(["sitecrew", "init"], folder=here, columns=80, rows=24) as terminal:
        terminal.wait_for("Name of your agency")
        terminal.type_line("Northwind")
        terminal.wait_for_exit()
        print(terminal.text)
"""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pexpect
import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "CTRL_C",
    "CTRL_D",
    "DOWN",
    "TAB",
    "Frame",
    "Row",
    "Terminal",
    "TerminalTimeoutError",
    "row_text",
]

CTRL_C = "\x03"
CTRL_D = "\x04"
TAB = "\t"
DOWN = "\x1b[B"

SCROLLBACK = 10_000
"""Lines kept after they have left the screen."""

Row = dict[int, pyte.screens.Char]


class TerminalTimeoutError(AssertionError):
    """The screen did not show what was awaited; the message contains the screen."""


@dataclass(frozen=True)
class Frame:
    """The screen at one moment.

    Attributes:
        at: Seconds since the program was started.
        text: The rows of the screen, without trailing spaces.
    """

    at: float
    text: str


class Terminal:
    """A program on a terminal of its own.

    Args:
        argv: Program and arguments.
        folder: Its working directory.
        env: Variables to set, or to unset with None.
        columns: Width of the terminal.
        rows: Height of the terminal.
        patience: Seconds that `wait_for` and `wait_for_exit` wait by default.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        columns: int = 80,
        rows: int = 24,
        patience: float = 60,
    ) -> None:
        merged = {**os.environ, "TERM": "xterm-256color", "COLUMNS": None, "LINES": None, **(env or {})}
        self.columns, self.rows, self.patience = columns, rows, patience
        self.frames: list[Frame] = []
        """Each different screen, in order."""
        self.output = b""
        """All bytes that the program has printed."""
        self.chunks: list[tuple[float, bytes]] = []
        """The same in pieces, each with the seconds since the program was started."""
        self._screen = pyte.HistoryScreen(columns, rows, history=SCROLLBACK, ratio=1)
        self._stream = pyte.ByteStream(self._screen)
        self._started = time.monotonic()
        self._child = pexpect.spawn(
            str(argv[0]),
            [str(word) for word in argv[1:]],
            cwd=folder,
            env={name: value for name, value in merged.items() if value is not None},
            dimensions=(rows, columns),
            timeout=patience,
            preexec_fn=_heed_ctrl_c,
        )
        self._child.delaybeforesend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return int(self._child.pid)

    @property
    def screen(self) -> str:
        """What is on the screen now, without trailing spaces and empty rows at the end."""
        return "\n".join(row.rstrip() for row in self._screen.display).rstrip("\n")

    @property
    def text(self) -> str:
        """Everything that was printed, with the lines that have left the screen at the top."""
        return "\n".join(row_text(row) for row in self.lines).rstrip("\n")

    @property
    def lines(self) -> list[Row]:
        """The characters of `text` with their styles, one dict of columns per row."""
        shown = [self._screen.buffer[number] for number in range(self.rows)]
        return [dict(row) for row in (*self._screen.history.top, *shown)]

    @property
    def is_running(self) -> bool:
        """Whether the program is still running."""
        return bool(self._child.isalive())

    def type(self, text: str) -> None:
        """Type the text, or a key such as `CTRL_C`."""
        self._child.send(text)

    def type_line(self, text: str = "") -> None:
        """Type the text and press Enter."""
        self.type(f"{text}\r")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal; the program receives SIGWINCH."""
        self.columns, self.rows = columns, rows
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def wait_for(self, pattern: str, patience: float | None = None) -> re.Match[str]:
        """Wait until the regular expression matches the screen, lines joined by newlines.

        Raises:
            TerminalTimeoutError: it did not within `patience` seconds, or the program has ended without it.
        """
        found: list[re.Match[str]] = []

        def shown() -> bool:
            found[:] = [match] if (match := re.search(pattern, self.screen, re.MULTILINE)) else []
            return bool(found)

        self._read_until(shown, patience, f"the screen does not show {pattern!r}")
        return found[0]

    def wait_for_exit(self, patience: float | None = None) -> int:
        """Wait until the program has ended; return its exit status, or the negated signal."""
        self._read_until(lambda: False, patience, "the program is still running", eof=True)
        self._child.close()
        status, killed_by = self._child.exitstatus, self._child.signalstatus
        return int(status) if status is not None else -int(killed_by)

    def close(self) -> None:
        """End the program if it is still running."""
        self._child.close(force=True)

    def _read_until(
        self, done: Callable[[], bool], patience: float | None, failure: str, *, eof: bool = False
    ) -> None:
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while not done():
            try:
                data = self._child.read_nonblocking(65536, max(deadline - time.monotonic(), 0))
            except pexpect.EOF:
                if eof or done():
                    return
                raise TerminalTimeoutError(f"{failure}; the program has ended:\n{self.text}") from None
            except pexpect.TIMEOUT:
                raise TerminalTimeoutError(f"{failure}:\n{self.screen}") from None
            self._show(data)

    def _show(self, data: bytes) -> None:
        self.output += data
        self.chunks.append((time.monotonic() - self._started, data))
        self._stream.feed(data)
        if not self.frames or self.frames[-1].text != self.screen:
            self.frames.append(Frame(time.monotonic() - self._started, self.screen))


def _heed_ctrl_c() -> None:
    """Undo that a shell has started us, in the background, with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def row_text(row: Row) -> str:
    """Return the characters of a row, without trailing spaces."""
    width = max(row, default=-1) + 1
    return "".join(row[column].data if column in row else " " for column in range(width)).rstrip()
