"""Who else may write to a file: what others can change must not decide what we do on hosts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from runner.errors import UsageError

__all__ = ["refuse_shared"]


def refuse_shared(paths: Iterable[Path], *, top: Path | None = None) -> None:
    """Refuse a file or folder that another user could write to, or replace by way of a folder above it.

    Links are followed; what is checked is what they lead to. Folders above are checked up to and with `top`.
    Outside of `top` they are checked up to the root, and one with the sticky bit may be writable: there only
    the owner of a file can replace it. What does not exist is left out.

    Raises:
        UsageError: with what to type.
    """
    top = top.resolve() if top else None
    seen: set[Path] = set()
    for path in paths:
        try:
            real = path.resolve()
        except (OSError, RuntimeError) as error:
            raise UsageError(f"{path} cannot be followed: {error}") from error
        inside = top is not None and real.is_relative_to(top)
        _check(real, seen, sticky=False)
        for folder in real.parents:
            if inside and top is not None and not folder.is_relative_to(top):
                break
            _check(folder, seen, sticky=not inside)


def _check(path: Path, seen: set[Path], *, sticky: bool) -> None:
    if path in seen:
        return
    seen.add(path)
    try:
        about = path.lstat()
    except OSError:
        return
    if about.st_uid not in {0, os.geteuid()}:
        raise UsageError(
            f"{path} belongs to another user ({_name(about.st_uid)})",
            hint=f"chown {_name(os.geteuid())} {path}",
        )
    if sticky and about.st_mode & stat.S_ISVTX:
        return
    if about.st_mode & stat.S_IWOTH:
        raise UsageError(f"every user of this machine may write to {path}", hint=f"chmod go-w {path}")
    if about.st_mode & stat.S_IWGRP:
        raise UsageError(f"other users of its group may write to {path}", hint=f"chmod go-w {path}")


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
