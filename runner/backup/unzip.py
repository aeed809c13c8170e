"""One gzip stream, read with a ceiling: what a host sent decides neither the time nor the memory."""

from __future__ import annotations

import zlib
from typing import IO

from runner.errors import BackupError

__all__ = ["RATIO", "Unzipped", "ceiling"]

CHUNK = 1 << 18
RATIO = 256
"""`gzip -1`, which hosts use, makes at best a 230th of anything; what claims more was made to do harm."""
_MARGIN = 16 << 20


def ceiling(stored: int) -> int:
    """Bytes that a stored stream of this many bytes may hold at most."""
    return stored * RATIO + _MARGIN


class Unzipped:
    """Reads the content of exactly one gzip stream. At most `limit` bytes of it."""

    def __init__(self, stored: IO[bytes], limit: int) -> None:
        self._stored = stored
        self._limit = limit
        self._zip = zlib.decompressobj(wbits=31)
        self._begun = False
        self.content = 0
        """Bytes read so far."""

    def read(self, size: int = CHUNK) -> bytes:
        """At most `size` bytes; none at the end of a whole stream, and of a file that is empty.

        Raises:
            BackupError: there is more than the limit, or something behind the stream's end.
            EOFError: the stream is cut.
            zlib.error: it is damaged, or no gzip.
        """
        while not self._zip.eof:
            packed = self._zip.unconsumed_tail or self._stored.read(CHUNK)
            if not packed and not self._begun:
                return b""
            self._begun = True
            data = self._zip.decompress(packed, size)
            if data:
                return self._counted(data)
            if not packed:
                raise EOFError("it is cut")
        if self._zip.unused_data or self._stored.read(1):
            raise BackupError("something lies behind the end of the stream", hint="run the backup again")
        return b""

    def exactly(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        parts = []
        while size and (data := self.read(size)):
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _counted(self, data: bytes) -> bytes:
        self.content += len(data)
        if self.content > self._limit:
            raise BackupError(
                f"it unpacks to more than {self._limit} bytes, which a site's backup never does",
                hint="look at the site's files and processes for what made it",
            )
        return data
