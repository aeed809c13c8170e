"""File permissions on the controller: who may read our files, and who may write the files that we read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from runner.errors import UsageError

__all__ = ["refuse_shared", "restrict", "user_umask"]

_umask: int | None = None


def restrict() -> None:
    """Create files that only the owner can read from now on; the user's programs get `user_umask`."""
    global _umask  # noqa: PLW0603  # one umask per process
    if _umask is None:
        _umask = os.umask(0o077)


def user_umask() -> int:
    """Return the umask that the process was started with, for builds and for files that people edit."""
    if _umask is not None:
        return _umask
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def refuse_shared(paths: Iterable[Path], *, top: Path | None = None) -> None:
    """Refuse files and folders that another user could write to or replace.

    Links are followed and their targets checked. Parent folders are checked up to and including `top`.
    Outside of `top` they are checked up to the root, and a writable folder is accepted if it has the sticky
    bit, since then only its owner can replace a file. A writable group is accepted if it has no other
    members. Root also accepts files of the user who called sudo. Missing files are ignored.

    Raises:
        UsageError: another user could; the hint is the command that fixes it.
    """
    top = top.resolve() if top else None
    seen: set[Path] = set()
    for path in paths:
        try:
            real = path.resolve()
        except (OSError, RuntimeError) as error:
            raise UsageError(f"cannot resolve {path}: {error}") from error
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
        status = path.lstat()
    except OSError:
        return
    if status.st_uid not in _trusted_users():
        raise UsageError(
            f"{path} belongs to another user ({_name(status.st_uid)})",
            hint=f"chown {_name(os.geteuid())} {path}",
        )
    if sticky and status.st_mode & stat.S_ISVTX:
        return
    if status.st_mode & stat.S_IWOTH:
        raise UsageError(f"every user of this machine can write to {path}", hint=f"chmod go-w {path}")
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid):
        raise UsageError(f"other members of its group can write to {path}", hint=f"chmod go-w {path}")


def _trusted_users() -> frozenset[int]:
    """Ids of root, the current user and, if root was called with sudo, the caller."""
    uids = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and caller.isdecimal():
        uids.add(int(caller))
    return frozenset(uids)


def _is_own_group(gid: int) -> bool:
    """Whether the group has no members but trusted users; many systems give each user a group."""
    import grp
    import pwd

    if gid == 0:
        return True
    trusted = {_name(uid) for uid in _trusted_users()}
    try:
        members = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        members = set()
    return members | {user.pw_name for user in pwd.getpwall() if user.pw_gid == gid} <= trusted


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
