"""Detects changes in the files of a workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from runner.load.calendars import horizon
from runner.load.inventory_files import FILE, FOLDER
from runner.load.workspace import user_settings

__all__ = ["fingerprint", "stamps"]

_LARGEST = 64 * 1024 * 1024
"""Bytes compared per file. Larger files are refused when they are loaded."""


def fingerprint(folder: Path, calendars: Sequence[Path] = ()) -> str:
    """Return a hash of the content, names and modes of the workspace's files.

    With calendars, it also changes with the years for which their events are read.
    """
    digest = hashlib.sha256(f"{horizon() if calendars else ''}".encode())
    for path in (*_sources(folder), *calendars):
        digest.update(f"\0{path}\0".encode(errors="surrogateescape"))
        try:
            status = path.stat()
            digest.update(f"{status.st_mode} {status.st_uid}\0".encode())
            if path.is_file():
                with path.open("rb") as file:
                    digest.update(file.read(_LARGEST))
        except OSError as error:
            digest.update(type(error).__name__.encode())
    return digest.hexdigest()


def stamps(folder: Path, calendars: Sequence[Path] = ()) -> tuple[object, ...]:
    """Return what the fingerprint depends on, without reading the files: their times, sizes and modes."""
    return (horizon() if calendars else None, *map(_stamp, (*_sources(folder), *calendars)))


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError as error:
        return path, error.errno
    return (
        path,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_mode,
        found.st_uid,
    )


def _sources(folder: Path) -> Iterator[Path]:
    yield folder
    yield folder / FILE
    yield folder / "sitecrew.yaml"
    yield user_settings()
    for inside in (folder / FOLDER, folder / "playbooks"):
        yield inside
        with suppress(OSError):
            yield from sorted(path for path in inside.iterdir() if path.suffix in {".yaml", ".yml"})
