"""Writing what a host sends: never more than a snapshot may have, never to the last byte of the disk."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.errors import BackupError

__all__ = ["LARGEST", "Received", "Room"]

LARGEST = 256 << 30
"""Compressed bytes of one snapshot."""
_FLOOR = 1 << 30
"""Bytes that stay free on the store's disk, which may be the ledger's too; less on a small disk."""
_LOOK = 8 << 20
"""Bytes between two looks at the disk."""


@dataclass(slots=True)
class Room:
    """What one snapshot may still take."""

    folder: Path
    largest: int = LARGEST
    floor: int = _FLOOR
    taken: int = 0
    _unseen: int = field(default=_LOOK, init=False)

    def take(self, size: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            BackupError: there is no room for them; nothing of them was written.
        """
        self.taken += size
        self._unseen += size
        if self.taken > self.largest:
            raise BackupError(
                f"the host sent more than {self.largest >> 20} MiB for one snapshot; it was stopped",
                hint="look at what fills the site's folder, or leave it out with `exclude`",
            )
        if self._unseen < _LOOK:
            return
        self._unseen = 0
        disk = shutil.disk_usage(self.folder)
        floor = min(self.floor, disk.total // 20)
        if disk.free - size < floor:
            raise BackupError(
                f"the disk of the backup store {self.folder.parent} has less than {floor >> 20} MiB left; "
                "the snapshot was stopped",
                hint="make room there, or set backups.store to a folder with room",
            )


class Received:
    """A new file for a stream from the host."""

    def __init__(self, path: Path, room: Room) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(fd, "wb")
        self._room = room

    def write(self, data: bytes) -> None:
        """Raises BackupError where the snapshot's room ends, OSError where the disk does."""
        self._room.take(len(data))
        self._file.write(data)

    def close(self) -> None:
        """To the disk, so that a manifest never names what a power cut took."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; after an error without waiting for the disk."""
        if error is None:
            self.close()
        else:
            self._file.close()
