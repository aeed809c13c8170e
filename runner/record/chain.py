"""The hash chain of acts. Pure; `acts.py` stores the rows.

A link contains its number, time, act, operator and the previous hash in plain text, but subject, run and
details only as a salted digest. These can be erased together with the salt without breaking the chain.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

__all__ = ["START", "Link", "digest", "seal", "text_digest"]

START = "0" * 64
"""The previous hash of the first link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The fields that a hash covers."""

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
        """The SHA-256 of all fields as canonical JSON."""
        return digest({name: getattr(self, name) for name in self.__slots__})


def digest(document: object) -> str:
    """Return the SHA-256 of a document as canonical JSON: sorted keys, no spaces, ASCII."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def seal(salt: str, subject: str, run: str | None, details: Any) -> str:
    """Return the digest of the erasable part of an act. The salt prevents guessing the content."""
    return digest([salt, subject, run, details])
