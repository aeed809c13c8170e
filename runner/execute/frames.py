"""Frames: the control messages within the bytes that a host sends.

A frame is a record separator, a nonce of 128 bits, a space, words and a line feed. It can start anywhere in
the bytes; without the nonce it cannot be forged. Everything else is data and is passed on unchanged.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

__all__ = ["Decoder", "Frame", "new_nonce"]

SEPARATOR = b"\x1e"
_PLAIN = bytes(byte if byte == 32 or 33 <= byte <= 126 else ord("?") for byte in range(256))  # noqa: PLR2004
"""Replaces everything but printable ASCII in words."""
LONGEST = 1024
"""Bytes. A frame that does not end within these is data."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The words of one frame; the first is its verb."""

    words: tuple[str, ...]

    @property
    def verb(self) -> str:
        """The first word; empty for a frame without words."""
        return self.words[0] if self.words else ""


def new_nonce() -> str:
    """Return 128 random bits in hex."""
    return secrets.token_hex(16)


class Decoder:
    """Splits bytes, in pieces of any size, into the frames under one nonce and the data between them."""

    def __init__(self, nonce: str) -> None:
        self._key = SEPARATOR + nonce.encode() + b" "
        self._held = b""

    def feed(self, piece: bytes) -> list[Frame | bytes]:
        """Return the complete frames and data so far, in order. A possible start of a frame is held back."""
        held = self._held + piece if self._held else piece
        found: list[Frame | bytes] = []
        position = 0
        while (start := held.find(self._key, position)) >= 0:
            if start > position:
                found.append(held[position:start])
            words_at = start + len(self._key)
            end = held.find(b"\n", words_at, words_at + LONGEST)
            cut = held.find(SEPARATOR, words_at, end if end >= 0 else words_at + LONGEST)
            if cut >= 0:  # a full disk cut the frame short; its writer has repeated it
                position = cut
            elif end >= 0:
                found.append(Frame(tuple(held[words_at:end].translate(_PLAIN).decode("ascii").split())))
                position = end + 1
            elif len(held) - words_at < LONGEST:
                self._held = held[start:]
                return found
            else:
                found.append(held[start:words_at])
                position = words_at
        keep = self._partial_frame_at(held, position)
        if keep > position:
            found.append(held[position:keep] if position or keep < len(held) else held)
        self._held = held[keep:]
        return found

    def rest(self) -> bytes:
        """Return what was held back: it is data if nothing follows."""
        held, self._held = self._held, b""
        return held

    def _partial_frame_at(self, held: bytes, position: int) -> int:
        """The position of a partial frame at the end of `held`; the length of `held` if there is none."""
        start = held.rfind(SEPARATOR, max(position, len(held) - len(self._key) + 1))
        while start >= 0:
            if self._key.startswith(held[start:]):
                return start
            start = held.rfind(SEPARATOR, max(position, len(held) - len(self._key) + 1), start)
        return len(held)
