"""The one grammar of everything a host says: bytes with frames in them.

A frame is a record separator, a nonce of 128 bits, a space, words, a line feed. It stands anywhere in the
bytes, and nobody can make one who does not know the nonce. What is no frame is data, exact to the byte.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

__all__ = ["Decoder", "Frame", "new_nonce"]

SEPARATOR = b"\x1e"
_PLAIN = bytes(byte if byte == 32 or 33 <= byte <= 126 else ord("?") for byte in range(256))  # noqa: PLR2004
"""Words are printable ASCII, whatever the host wrote."""
LONGEST = 1024
"""Bytes. What begins like a frame and does not end within these is data."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The words of one frame; the first is its verb."""

    words: tuple[str, ...]

    @property
    def verb(self) -> str:
        """What the frame says; empty for a frame without words."""
        return self.words[0] if self.words else ""


def new_nonce() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


class Decoder:
    """Splits bytes that come in pieces of any size into frames under one nonce and the data between them."""

    def __init__(self, nonce: str) -> None:
        self._key = SEPARATOR + nonce.encode() + b" "
        self._held = b""

    def feed(self, piece: bytes) -> list[Frame | bytes]:
        """All that is certain after this piece, in order; what may begin a frame is held back."""
        held = self._held + piece if self._held else piece
        found: list[Frame | bytes] = []
        position = 0
        while (start := held.find(self._key, position)) >= 0:
            if start > position:
                found.append(held[position:start])
            words_at = start + len(self._key)
            end = held.find(b"\n", words_at, words_at + LONGEST)
            cut = held.find(SEPARATOR, words_at, end if end >= 0 else words_at + LONGEST)
            if cut >= 0:  # a full disk cut it short; its writer has said it again
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
        keep = self._beginning(held, position)
        if keep > position:
            found.append(held[position:keep] if position or keep < len(held) else held)
        self._held = held[keep:]
        return found

    def rest(self) -> bytes:
        """What was held back; data, when nothing follows any more."""
        held, self._held = self._held, b""
        return held

    def _beginning(self, held: bytes, position: int) -> int:
        """Where the last bytes of `held` could be the beginning of a frame; its length if they cannot."""
        start = held.rfind(SEPARATOR, max(position, len(held) - len(self._key) + 1))
        while start >= 0:
            if self._key.startswith(held[start:]):
                return start
            start = held.rfind(SEPARATOR, max(position, len(held) - len(self._key) + 1), start)
        return len(held)
