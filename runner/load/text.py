"""Formatting of text from files for messages: no control characters, no secrets, not too long."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

__all__ = ["closest", "joined", "listing", "masked", "names_a_secret", "quoted", "suggest_again"]

_MAX_QUOTED = 60
_MAX_LISTED = 12
_MIN_PREFIX = 3
_LONGEST_NAME = 100
_MOST_NAMES = 2000
_MOST_TRIED = 2000
"""Limits on comparing names, since the time grows with the product of lengths and number."""
_USERINFO = re.compile(r"(?<=://)[^@/\s\"']+(?=@)")
_SECRET_WORDS = ("password", "passphrase", "secret", "token", "become_password")
_SIMILARITY = 0.75
_LETTERS = [(word, tuple(Counter(word).items())) for word in _SECRET_WORDS]
_SECRET_KEY = re.compile(r"passw|passp|pwd|secret|token|api[_-]?key")
_SECRET_LINE = re.compile(
    r"(?i)((?:pass(?:word|phrase|wd)?|pwd|secret|token|api[_-]?key)[\w-]{0,40}[\"']?\s{0,20}:\s{1,20})(?![{\[&*|>])(.+)"
)


def quoted(value: str) -> str:
    """Quote a value for a message: escapes are made visible, credentials in URLs hidden, long text cut."""
    value = _USERINFO.sub("***", value)
    if len(value) > _MAX_QUOTED:
        value = value[: _MAX_QUOTED - 1] + "…"
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value) + '"'


@lru_cache(maxsize=4096)
def names_a_secret(key: str) -> bool:
    """Whether the value of a key must not be shown. Misspelt keys count too."""
    word = key[:_LONGEST_NAME].lower()
    if _SECRET_KEY.search(word):
        return True
    likely = [
        secret
        for secret, letters in _LETTERS
        if 2 * _common_letters(word, letters) >= _SIMILARITY * (len(word) + len(secret))
    ]
    return bool(likely and difflib.get_close_matches(word, likely, n=1, cutoff=_SIMILARITY))


def _common_letters(word: str, letters: Sequence[tuple[str, int]]) -> int:
    """Upper bound of the matching characters: a cheap test that rules out nearly every key."""
    return sum(min(word.count(letter), number) for letter, number in letters)


def masked(line: str) -> str:
    """Mask control characters, credentials in URLs and the values of secret keys in a source line.

    The length is unchanged, so that a caret still points at the right column.
    """
    line = "".join(c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in line)
    line = _USERINFO.sub(lambda m: "*" * len(m[0]), line)
    return _SECRET_LINE.sub(lambda m: m[1] + "*" * len(m[2]), line)


def joined(path: str, *parts: str | int) -> str:
    """Join the parts of a path like `steps[3].timeout`."""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def closest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the known name closest to `name`, or all known names; empty if there are none."""
    candidates = sorted(set(known))
    tried = _closest.cache_info().misses
    if len(name) > _LONGEST_NAME or len(candidates) > _MOST_NAMES or tried > _MOST_TRIED:
        return f"known: {listing(candidates)}" if candidates else ""
    return _closest(name, tuple(candidates))


@lru_cache(maxsize=4096)
def _closest(name: str, candidates: tuple[str, ...]) -> str:
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    longer = [
        candidate for candidate in candidates if len(name) >= _MIN_PREFIX and candidate.startswith(name)
    ]
    if found or len(longer) == 1:
        return f'did you mean "{lowered[found[0]] if found else longer[0]}"?'
    return f"known: {listing(candidates)}" if candidates else ""


def suggest_again() -> None:
    """Reset the limit on suggestions: each load suggests names for its first 2000 mistakes."""
    _closest.cache_clear()


def listing(names: Iterable[str]) -> str:
    """Join names with commas; a long list is cut to the first few."""
    all_names = list(names)
    more = len(all_names) - _MAX_LISTED
    return ", ".join(all_names[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
