"""The patterns of OpenSSH: ``*`` and ``?`` are wildcards, and ``!`` negates within a list."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_pattern", "matches", "matches_any"]

_SPECIAL = {"*": ".*", "?": "."}


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text matches the pattern. Case matters."""
    return _compiled(pattern).fullmatch(text) is not None


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether the text matches a pattern of the list and none of the negated ones."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches(text, pattern[1:]):
                return False
        elif matches(text, pattern):
            found = True
    return found


def is_pattern(text: str) -> bool:
    """Whether it can match other names than itself."""
    return any(mark in text for mark in "*?!")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # several stars in a row match the same as one, but can take exponential time
    pattern = re.sub(r"\*+", "*", pattern)
    return re.compile("".join(_SPECIAL.get(mark, re.escape(mark)) for mark in pattern), re.DOTALL)
