"""Answers of wordpress.org on disk, readable to this account only, with their age and a ceiling of bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cache", "Kept"]

_MOST = 96 << 20
"""Bytes in all; the oldest answers go first."""
_LARGEST = 16 << 20
_SWEEP = 64
"""Answers written between two looks at the size of it all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and its age in seconds."""

    body: bytes
    age: float


class Cache:
    """A folder of answers, each in a file named by a hash of its question."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time, most: int = _MOST) -> None:
        self._folder, self._clock, self._most = folder, clock, most
        self._written = 0

    def find(self, question: str) -> Kept | None:
        """The answer that was kept; one from the future counts as none."""
        path = self._path(question)
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                body = file.read(_LARGEST + 1)
        except OSError:
            return None
        age = self._clock() - found.st_mtime
        mine = found.st_uid == os.geteuid() and not found.st_mode & 0o022
        return Kept(body, max(age, 0.0)) if mine and len(body) <= _LARGEST and age > -60 else None  # noqa: PLR2004

    def keep(self, question: str, body: bytes) -> None:
        """Put an answer in the place of an earlier one."""
        if len(body) > _LARGEST:
            return
        path = self._path(question)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(body)
                os.utime(part, (self._clock(), self._clock()))
                part.replace(path)
            except OSError:
                part.unlink(missing_ok=True)
                raise
        if self._written % _SWEEP == 0:
            self._sweep()
        self._written += 1

    def _sweep(self) -> None:
        """Delete the oldest answers, as far as all of them are too large."""
        with contextlib.suppress(OSError):
            files = [(entry.stat(), entry.path) for entry in os.scandir(self._folder) if entry.is_file()]
            size = sum(stat.st_size for stat, _ in files)
            for stat, path in sorted(files, key=lambda one: one[0].st_mtime):
                if size <= self._most:
                    return
                Path(path).unlink(missing_ok=True)
                size -= stat.st_size

    def _path(self, question: str) -> Path:
        return self._folder / hashlib.sha256(question.encode()).hexdigest()[:40]
