"""Cache of wordpress.org's responses on disk, readable by this account only, with a size limit."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cache", "Cached"]

_MAX_BYTES = 96 << 20
"""Most bytes in total; the oldest responses are deleted first."""
_LARGEST = 16 << 20
"""Most bytes of one response."""
_PRUNE_EVERY = 64
"""Responses that are written between two checks of the total size."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A response and its age in seconds."""

    body: bytes
    age: float


class Cache:
    """A folder with one file per response, named by the hash of a key."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], float] = time.time, max_bytes: int = _MAX_BYTES
    ) -> None:
        self._folder, self._clock, self._max_bytes = folder, clock, max_bytes
        self._written = 0

    def find(self, key: str) -> Cached | None:
        """Return the cached response. Files from the future and files that others can write are ignored."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                body = file.read(_LARGEST + 1)
        except OSError:
            return None
        age = self._clock() - found.st_mtime
        is_ours = found.st_uid == os.geteuid() and not found.st_mode & 0o022
        return Cached(body, max(age, 0.0)) if is_ours and len(body) <= _LARGEST and age > -60 else None  # noqa: PLR2004

    def store(self, key: str, body: bytes) -> None:
        """Store a response, replacing an earlier one. Errors of the disk are ignored."""
        if len(body) > _LARGEST:
            return
        path = self._path(key)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(body)
                os.utime(temporary, (self._clock(), self._clock()))
                temporary.replace(path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        if self._written % _PRUNE_EVERY == 0:
            self._prune()
        self._written += 1

    def _prune(self) -> None:
        """Delete the oldest responses until the total size is within the limit."""
        with contextlib.suppress(OSError):
            files = [(entry.stat(), entry.path) for entry in os.scandir(self._folder) if entry.is_file()]
            size = sum(stat.st_size for stat, _ in files)
            for stat, path in sorted(files, key=lambda one: one[0].st_mtime):
                if size <= self._max_bytes:
                    return
                Path(path).unlink(missing_ok=True)
                size -= stat.st_size

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()[:40]
