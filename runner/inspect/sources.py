"""Read a folder on the controller as a tree of files to upload."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from runner.errors import UsageError
from runner.steps.static.tree import File, Tree, check_names, excluded

__all__ = ["read_folder"]

_CHUNK = 1 << 20


def read_folder(folder: Path, exclude: Sequence[str] = (), *, readable: bool = False) -> Tree:
    """Return the files of a folder. Links to files inside it become files; all other links are refused.

    With `readable`, each file gets the mode that a web server needs; otherwise it keeps its own.

    Raises:
        UsageError: the folder does not exist, a link leads out of it, a name cannot be uploaded, or a file is
            unreadable.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint=f"ls -ld {folder}")
    found: dict[str, File] = {}
    root = folder.resolve()
    try:
        for place, folders, names in os.walk(root):
            below = Path(place).relative_to(root).as_posix()
            prefix = "" if below == "." else f"{below}/"
            folders[:] = sorted(one for one in folders if not excluded(f"{prefix}{one}", exclude))
            for name in [*folders, *(one for one in names if not _is_lock(root / prefix / one))]:
                path = f"{prefix}{name}"
                if name in folders:
                    if (root / path).is_symlink():
                        raise UsageError(
                            f"{path} is a link to a folder", hint="copy the folder, or add it to exclude"
                        )
                elif not excluded(path, exclude):
                    found[path] = _file(root, path, readable=readable)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
    check_names(found)
    return found


def _is_lock(path: Path) -> bool:
    """Whether it is an editor's lock of an open file: a dangling link named `.#FILE`."""
    return path.name.startswith(".#") and path.is_symlink() and not path.exists()


def _file(root: Path, name: str, *, readable: bool) -> File:
    path = root / name
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise UsageError(
            f"{name} is a link that leads out of {root}", hint="copy the file, or add it to exclude"
        )
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise UsageError(f"{name} is not a file", hint="remove it, or add it to exclude")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    mode = about.st_mode & 0o777
    if readable:
        mode = 0o755 if mode & 0o100 else 0o644
    return File(digest.hexdigest(), about.st_size, mode)
