"""Read a gzip stream from a host with limits on time and memory."""

from __future__ import annotations

import zlib
from typing import IO

from runner.errors import BackupError

__all__ = ["RATIO", "Unzipped", "ceiling"]

CHUNK = 1 << 18
RATIO = 256
"""Limit of compression: `gzip -1`, which hosts use, reaches 230 at most; more is an attack."""
_MARGIN = 16 << 20


def ceiling(stored: int) -> int:
    """Return how many bytes a stream of `stored` compressed bytes may unpack to."""
    return stored * RATIO + _MARGIN


class Unzipped:
    """Reads exactly one gzip stream, and at most `limit` bytes of content."""

    def __init__(self, stored: IO[bytes], limit: int) -> None:
        self._stored = stored
        self._limit = limit
        self._zip = zlib.decompressobj(wbits=31)
        self._started = False
        self.content = 0
        """Bytes read so far."""

    def read(self, size: int = CHUNK) -> bytes:
        """Return at most `size` bytes; none at the end of a complete stream or if the file is empty.

        Raises:
            BackupError: the content exceeds the limit, or there is data after the end of the stream.
            EOFError: the stream is truncated.
            zlib.error: the stream is damaged or not gzip.
        """
        while not self._zip.eof:
            packed = self._zip.unconsumed_tail or self._stored.read(CHUNK)
            if not packed and not self._started:
                return b""
            self._started = True
            data = self._zip.decompress(packed, size)
            if data:
                return self._counted(data)
            if not packed:
                raise EOFError("it is truncated")
        if self._zip.unused_data or self._stored.read(1):
            raise BackupError("there is data after the end of the stream", hint="run the backup again")
        return b""

    def exactly(self, size: int) -> bytes:
        """Return `size` bytes; fewer only at the end."""
        parts = []
        while size and (data := self.read(size)):
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _counted(self, data: bytes) -> bytes:
        self.content += len(data)
        if self.content > self._limit:
            raise BackupError(
                f"the stream unpacks to more than {self._limit} bytes, too much for its compressed size",
                hint="check the site's files and processes on the host",
            )
        return data
