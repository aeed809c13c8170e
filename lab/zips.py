"""Zips that are the same whenever and wherever they are made, so that checksums hold."""

from __future__ import annotations

import hashlib
import os
import zipfile
from calendar import timegm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["tree", "unpack", "write_zip"]


def write_zip(target: Path, files: Iterable[tuple[str, bytes]], *, stamp: str, level: int = 6) -> Path:
    """Writes a zip in one go: it is there whole, or not at all.

    Args:
        target: Where it will lie.
        files: Names inside the zip and their contents.
        stamp: What is in it, e.g. `akismet 5.3`. The files' times are derived from it: two versions never
            share a time, so a comparison of size and time sees the difference even where sizes agree.
        level: Of compression, 1 to 9.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    when = moment(stamp)
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as out:
        for name, data in files:
            info = zipfile.ZipInfo(name, when)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, data, compresslevel=level)
    fresh.chmod(0o644)
    return fresh.rename(target)


def tree(folder: Path, prefix: str, *, without: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """The files below a folder, in order, named `prefix/...`; `without` are beginnings of relative names."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(without):
            yield f"{prefix}/{name}", path.read_bytes()


def unpack(source: Path, into: Path) -> None:
    """Unpacks a zip of ours with its times, folders 755 and files 644 whatever the umask."""
    with zipfile.ZipFile(source) as packed:
        for info in packed.infolist():
            path = into / info.filename
            if info.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(packed.read(info))
            path.chmod(0o644)
            seconds = (zip_epoch(info.date_time),) * 2
            os.utime(path, seconds)


def moment(stamp: str) -> tuple[int, int, int, int, int, int]:
    """A time in 2024 or 2025 that belongs to a text; zips know even seconds only."""
    number = int.from_bytes(hashlib.sha256(stamp.encode()).digest()[:8])
    spans = (2, 12, 28, 24, 60, 30)
    parts = []
    for span in spans:
        number, rest = divmod(number, span)
        parts.append(rest)
    year, month, day, hour, minute, half = parts
    return 2024 + year, 1 + month, 1 + day, hour, minute, 2 * half


def zip_epoch(when: tuple[int, int, int, int, int, int]) -> float:
    """Seconds since 1970 of a zip's time, read as UTC."""
    return float(timegm((*when, 0, 0, 0)))
