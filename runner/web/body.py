"""Receive the body of a response up to a size limit, before and after decompression."""

from __future__ import annotations

import zlib

__all__ = ["Body", "BodyError"]

_GZIP = 31
_UNSUPPORTED = frozenset({"deflate", "br", "zstd", "compress", "x-compress"})
_PIECES = 10_000
"""Largest number of pieces. Each costs time, and a server can send pieces of one byte."""


class BodyError(Exception):
    """The body cannot be read. The message says why."""


class Body:
    """Collects the pieces of a body up to a limit, which applies before and after decompression.

    Requests accept only gzip. Other encodings, and bodies that are compressed twice, are refused.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        """Start with the value of the header `Content-Encoding` and a limit in bytes.

        Raises:
            BodyError: the encoding is not supported.
        """
        words = [
            word for part in encoding.lower().split(",") if (word := part.strip()) not in {"", "identity"}
        ]
        gzipped = [word in {"gzip", "x-gzip"} for word in words]
        if _UNSUPPORTED & set(words) or (any(gzipped) and len(words) > 1):
            raise BodyError("uses an unsupported content encoding")
        self.cut = False
        self._gunzip = zlib.decompressobj(_GZIP) if any(gzipped) else None
        self._limit = limit
        self._received = 0
        self._pieces = 0
        self._content = bytearray()

    @property
    def content(self) -> bytes:
        """The bytes received so far."""
        return bytes(self._content)

    @property
    def started(self) -> bool:
        """Whether anything was received."""
        return self._received > 0

    def add(self, piece: bytes) -> bool:
        """Add a piece and return whether more can be added.

        Raises:
            BodyError: the body is not encoded as its header says.
        """
        self._received += len(piece)
        self._pieces += 1
        room = self._limit - len(self._content)
        if self._gunzip is not None:
            piece = self._decompressed(piece, room + 1)
        self._content += piece[:room]
        self.cut = len(piece) > room or self._received > self._limit or self._pieces > _PIECES
        ended = self._gunzip is not None and self._gunzip.eof
        return not (self.cut or ended)

    def _decompressed(self, piece: bytes, room: int) -> bytes:
        assert self._gunzip is not None  # noqa: S101  # the caller has checked it
        try:
            return self._gunzip.decompress(piece, room)
        except zlib.error:
            raise BodyError("claims to be gzip but is not") from None
