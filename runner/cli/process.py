"""Prepare the process before a command starts (streams, HOME), and explain errors of the operating system."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from pathlib import Path

from runner.errors import SitecrewError, UsageError

__all__ = ["error_from_system", "prepare"]

_NO_HOME = "/nonexistent"
"""HOME of a user who has none."""


def prepare() -> None:
    """Open missing standard streams and set HOME if the caller did not."""
    _open_streams()
    _set_home()


def _open_streams() -> None:
    """Open closed standard streams, so that no file opened later replaces one of them.

    Characters that the terminal cannot print are escaped.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:  # noqa: PLR2004
        os.set_inheritable(number, True)
    os.close(number)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _set_home() -> None:
    """Ignore a relative HOME; for a user without a home folder, use one that does not exist."""
    if not os.environ.get("HOME", "").startswith("/"):
        os.environ.pop("HOME", None)
    with suppress(RuntimeError):
        Path.home()
        return
    os.environ["HOME"] = _NO_HOME


_HINTS = {
    errno.ENOSPC: "free some space on that disk: df -h",
    errno.EDQUOT: "free some space, or ask for a larger quota: quota",
    errno.EROFS: "that disk is mounted read-only; use another workspace with -w DIR",
    errno.EACCES: "check the permissions: ls -ld",
    errno.EPERM: "check the permissions: ls -ld",
    errno.EMFILE: "too many open files: ulimit -n",
    errno.ENFILE: "too many open files on this machine",
    errno.EIO: "the disk or terminal may be failing",
}


def error_from_system(error: OSError) -> SitecrewError | None:
    """Return an error with a hint for a condition of the system; None if the OSError is a bug of ours."""
    if error.errno == errno.ENOENT and not _current_folder_exists():
        return UsageError("the current folder no longer exists", hint="cd to one that does")
    hint = _HINTS.get(error.errno or 0)
    if hint is None:
        return None
    what = error.filename if isinstance(error.filename, str) else "a file or the output"
    return UsageError(f"{what}: {error.strerror}", hint=hint)


def _current_folder_exists() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False
