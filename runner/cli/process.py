"""What a process needs before a command starts: streams, a home folder, a current folder, a time zone."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from pathlib import Path

from runner.errors import SitecrewError, UsageError

__all__ = ["of_the_system", "prepare"]

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
    """A HOME that is no absolute path counts as none, and no entry for this user as an empty home."""
    if not os.environ.get("HOME", "").startswith("/"):
        os.environ.pop("HOME", None)
    with suppress(RuntimeError):
        Path.home()
        return
    os.environ["HOME"] = _NOWHERE


_HINTS = {
    errno.ENOSPC: "make room on that disk: df -h",
    errno.EDQUOT: "make room, or ask for a larger quota: quota",
    errno.EROFS: "that disk is mounted read-only; name another workspace with -w DIR",
    errno.EACCES: "this user has no right to it: ls -ld",
    errno.EPERM: "this user has no right to it: ls -ld",
    errno.EMFILE: "too many files are open: ulimit -n",
    errno.ENFILE: "too many files are open on this machine",
    errno.EIO: "the disk or the terminal behind it fails",
}


def of_the_system(error: OSError) -> SitecrewError | None:
    """What the system cannot do here and now, as an error with a hint; None for what is a defect of ours."""
    if error.errno == errno.ENOENT and not _has_current_folder():
        return UsageError("the current folder does not exist any more", hint="cd to one that does")
    hint = _HINTS.get(error.errno or 0)
    if hint is None:
        return None
    what = error.filename if isinstance(error.filename, str) else "a file or the output"
    return UsageError(f"{what}: {error.strerror}", hint=hint)


def _has_current_folder() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False
