"""A tar stream of files on the controller."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping
from gzip import GzipFile
from pathlib import Path
from typing import IO

from runner.errors import UsageError
from runner.steps.static.tree import Tree

__all__ = ["tar_of"]


def tar_of(
    folder: Path,
    tree: Tree,
    names: Iterable[str],
    out: IO[bytes],
    *,
    called: Callable[[str], str],
    more: Mapping[str, bytes] | None = None,
    counted: Callable[[IO[bytes]], IO[bytes]] = lambda file: file,
) -> None:
    """Write a gzipped tar.

    Args:
        folder: the folder that the names are relative to.
        tree: its files as they were read.
        names: the files to write.
        out: where to.
        called: returns the name of a file in the archive.
        more: content of small files by name, written first.
        counted: returns a file that counts what is read.

    Raises:
        UsageError: a file has changed since it was read.
    """
    root = folder.resolve()
    with (
        GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(
            fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, errors="surrogateescape"
        ) as archive,
    ):
        for name, data in (more or {}).items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
        for name in names:
            with (root / name).open("rb") as file:
                about = os.fstat(file.fileno())
                if about.st_size != tree[name].size:
                    raise UsageError(f"{name} changed during the upload", hint="run it again")
                entry = tarfile.TarInfo(called(name))
                entry.size, entry.mode, entry.mtime = about.st_size, tree[name].mode, int(about.st_mtime)
                archive.addfile(entry, counted(file))
