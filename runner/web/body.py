"""A body on its way in: never more of it than is wanted, however it was packed."""

from __future__ import annotations

import zlib

__all__ = ["Body", "BodyError"]

_GZIP = 31
_PACKED = frozenset({"deflate", "br", "zstd", "compress", "x-compress"})
_PIECES = 10_000
"""Pieces of a body: each costs time, and a server can send them of one byte."""


class BodyError(Exception):
    """The body cannot be read; the message says why."""


class Body:
    """Collects a body's pieces up to a ceiling of bytes, before as after decompression.

    Only gzip is asked for, and only gzip is undone, once: what is packed twice is refused.
    """

    def __init__(self, coding: str, ceiling: int) -> None:
        """`coding` is the header `Content-Encoding`.

        Raises:
            BodyError: the body is packed in a way that was not asked for.
        """
        words = [word for part in coding.lower().split(",") if (word := part.strip()) not in {"", "identity"}]
        zipped = [word in {"gzip", "x-gzip"} for word in words]
        if _PACKED & set(words) or (any(zipped) and len(words) > 1):
            raise BodyError("is packed in a way that was not asked for")
        self.cut = False
        self._unpack = zlib.decompressobj(_GZIP) if any(zipped) else None
        self._ceiling = ceiling
        self._received = 0
        self._pieces = 0
        self._content = bytearray()

    @property
    def content(self) -> bytes:
        """What has come so far."""
        return bytes(self._content)

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return self._received > 0

    def add(self, piece: bytes) -> bool:
        """Take a piece; False when no more is wanted.

        Raises:
            BodyError: it is not what its header says.
        """
        self._received += len(piece)
        self._pieces += 1
        room = self._ceiling - len(self._content)
        if self._unpack is not None:
            piece = self._unpacked(piece, room + 1)
        self._content += piece[:room]
        self.cut = len(piece) > room or self._received > self._ceiling or self._pieces > _PIECES
        ended = self._unpack is not None and self._unpack.eof
        return not (self.cut or ended)

    def _unpacked(self, piece: bytes, room: int) -> bytes:
        assert self._unpack is not None  # noqa: S101  # asked by the caller
        try:
            return self._unpack.decompress(piece, room)
        except zlib.error:
            raise BodyError("says that it is gzip, and is not") from None
