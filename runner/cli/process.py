"""What a process needs before a command starts: streams, a home folder, a current folder, a time zone."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["prepare"]

_NOWHERE = "/nonexistent"
"""A home that does not exist, for a user who has none."""


def prepare() -> None:
    """Make up for what the caller left out."""
    _open_streams()
    _name_home()


def _open_streams() -> None:
    """No file that is opened later becomes one of the three; what a terminal cannot show is escaped."""
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:  # noqa: PLR2004
        os.set_inheritable(number, True)
    os.close(number)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _name_home() -> None:
    """Without HOME and without an entry for this user there is no home: nothing is read from there."""
    with suppress(RuntimeError):
        Path.home()
        return
    os.environ["HOME"] = _NOWHERE
