"""Write streams from a host to disk, within the size limit of a snapshot and the free space of the disk."""

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
"""Limit of compressed bytes in one snapshot."""
_FLOOR = 1 << 30
"""Bytes to keep free on the store's disk, which may also hold the ledger; less on a small disk."""
_INTERVAL = 8 << 20
"""Bytes written between two checks of the free space."""


@dataclass(slots=True)
class Room:
    """The space that one snapshot may use."""

    folder: Path
    largest: int = LARGEST
    floor: int = _FLOOR
    taken: int = 0
    _unchecked: int = field(default=_INTERVAL, init=False)

    def take(self, size: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            BackupError: there is not enough space for them.
        """
        self.taken += size
        self._unchecked += size
        if self.taken > self.largest:
            raise BackupError(
                f"the snapshot was stopped: the host sent more than {self.largest >> 20} MiB",
                hint="find the large files in the site's folder, or leave them out with `exclude`",
            )
        if self._unchecked < _INTERVAL:
            return
        self._unchecked = 0
        disk = shutil.disk_usage(self.folder)
        floor = min(self.floor, disk.total // 20)
        if disk.free - size < floor:
            raise BackupError(
                "the snapshot was stopped: the disk of the backup store "
                f"{self.folder.parent} has less than {floor >> 20} MiB left",
                hint="free up space, or set backups.store to a folder on a larger disk",
            )


class Received:
    """A new file for a stream from the host."""

    def __init__(self, path: Path, room: Room) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(fd, "wb")
        self._room = room

    def write(self, data: bytes) -> None:
        """Write data; raises BackupError if a limit is reached, OSError if the disk fails."""
        self._room.take(len(data))
        self._file.write(data)

    def close(self) -> None:
        """Flush to disk and close, so that a manifest never names data lost in a power failure."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; after an error without flushing to disk."""
        if error is None:
            self.close()
        else:
            self._file.close()
