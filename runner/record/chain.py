"""The chain of acts: what one link is made of. Pure; `acts.py` keeps the rows.

A link covers its number, time, act, operator and the link before it in the clear; subject, run and details
only through a salted digest. They can be erased together with the salt, and the chain still fits.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

__all__ = ["START", "Link", "digest", "seal", "text_digest"]

START = "0" * 64
"""What the first link has in the place of the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a hash covers."""

    id: int
    at: str
    act: str
    operator: str
    login: str
    host: str
    seal: str
    previous: str

    @property
    def hash(self) -> str:
        """The sha256 of the canonical JSON of all of it."""
        return digest({name: getattr(self, name) for name in self.__slots__})


def digest(document: object) -> str:
    """The sha256 of canonical JSON: sorted keys, no spaces, ASCII."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def text_digest(text: str) -> str:
    """The sha256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def seal(salt: str, subject: str, run: str | None, details: Any) -> str:
    """The digest of the part of an act that can be erased; without the salt it cannot be guessed."""
    return digest([salt, subject, run, details])
