"""Files of the controller: who may read what we write, and who else may write what we read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from runner.errors import UsageError

__all__ = ["refuse_shared", "restrict", "user_umask"]

_umask: int | None = None


def restrict() -> None:
    """From here on this process makes files for its owner alone; programs of the user get `user_umask`."""
    global _umask  # noqa: PLW0603  # a process has one
    if _umask is None:
        _umask = os.umask(0o077)


def user_umask() -> int:
    """The umask that the process was started with: for builds, and for files that people edit."""
    if _umask is not None:
        return _umask
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def refuse_shared(paths: Iterable[Path], *, top: Path | None = None) -> None:
    """Refuse a file or folder that another user could write to, or replace by way of a folder above it.

    Links are followed; what is checked is what they lead to. Folders above are checked up to and with `top`.
    Outside of `top` they are checked up to the root, and one with the sticky bit may be writable: there only
    the owner of a file can replace it. A group without another member is its owner; the caller of sudo may
    own what root reads. What does not exist is left out.

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
    if about.st_uid not in _ours():
        raise UsageError(
            f"{path} belongs to another user ({_name(about.st_uid)})",
            hint=f"chown {_name(os.geteuid())} {path}",
        )
    if sticky and about.st_mode & stat.S_ISVTX:
        return
    if about.st_mode & stat.S_IWOTH:
        raise UsageError(f"every user of this machine may write to {path}", hint=f"chmod go-w {path}")
    if about.st_mode & stat.S_IWGRP and not _is_own_group(about.st_gid):
        raise UsageError(f"other users of its group may write to {path}", hint=f"chmod go-w {path}")


def _ours() -> frozenset[int]:
    """Root, ourselves and, where root acts for somebody by sudo, that user."""
    found = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and caller.isdecimal():
        found.add(int(caller))
    return frozenset(found)


def _is_own_group(gid: int) -> bool:
    """Whether nobody but us and root is in the group: many systems give each user one."""
    import grp
    import pwd

    if gid == 0:
        return True
    own = {_name(uid) for uid in _ours()}
    try:
        members = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        members = set()
    return members | {user.pw_name for user in pwd.getpwall() if user.pw_gid == gid} <= own


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
