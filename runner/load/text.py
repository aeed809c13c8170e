"""Text that came from a file, made fit to be shown: no control characters, no secrets, not too long."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

__all__ = ["closest", "joined", "listing", "masked", "names_a_secret", "quoted", "suggest_again"]

_SHOWN = 60
_LISTED = 12
_BEGUN = 3
_LONGEST_NAME = 100
_MOST_NAMES = 2000
_MOST_TRIED = 2000
"""What is longer or more is not compared: similarity costs the product of lengths and number."""
_USERINFO = re.compile(r"(?<=://)[^@/\s\"']+(?=@)")
_SECRET_WORDS = ("password", "passphrase", "secret", "token", "become_password")
_ALIKE = 0.75
_LETTERS = [(word, tuple(Counter(word).items())) for word in _SECRET_WORDS]
_SECRET_KEY = re.compile(r"passw|passp|pwd|secret|token|api[_-]?key")
_SECRET_LINE = re.compile(
    r"(?i)((?:pass(?:word|phrase|wd)?|pwd|secret|token|api[_-]?key)[\w-]{0,40}[\"']?\s{0,20}:\s{1,20})(?![{\[&*|>])(.+)"
)


def quoted(value: str) -> str:
    """The value in quotes for a message: escapes made visible, credentials of URLs hidden, cut when long."""
    value = _USERINFO.sub("***", value)
    if len(value) > _SHOWN:
        value = value[: _SHOWN - 1] + "…"
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value) + '"'


@lru_cache(maxsize=4096)
def names_a_secret(key: str) -> bool:
    """Whether the value of a key should not be shown, also where the key is misspelt."""
    word = key[:_LONGEST_NAME].lower()
    if _SECRET_KEY.search(word):
        return True
    likely = [
        secret
        for secret, letters in _LETTERS
        if 2 * _in_common(word, letters) >= _ALIKE * (len(word) + len(secret))
    ]
    return bool(likely and difflib.get_close_matches(word, likely, n=1, cutoff=_ALIKE))


def _in_common(word: str, letters: Sequence[tuple[str, int]]) -> int:
    """At most so many characters can match: cheap, and says no to nearly every key."""
    return sum(min(word.count(letter), number) for letter, number in letters)


def masked(line: str) -> str:
    """A source line without control characters, credentials of URLs and values of keys that name a secret.

    The length stays, so that a caret still points at the right column.
    """
    line = "".join(c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in line)
    line = _USERINFO.sub(lambda m: "*" * len(m[0]), line)
    return _SECRET_LINE.sub(lambda m: m[1] + "*" * len(m[2]), line)


def joined(path: str, *parts: str | int) -> str:
    """A path like `steps[3].timeout`."""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def closest(name: str, known: Iterable[str]) -> str:
    """A hint that names what comes closest to `name`, or lists what there is; empty when there is nothing."""
    candidates = sorted(set(known))
    tried = _closest.cache_info().misses
    if len(name) > _LONGEST_NAME or len(candidates) > _MOST_NAMES or tried > _MOST_TRIED:
        return f"known: {listing(candidates)}" if candidates else ""
    return _closest(name, tuple(candidates))


@lru_cache(maxsize=4096)
def _closest(name: str, candidates: tuple[str, ...]) -> str:
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    begun = [candidate for candidate in candidates if len(name) >= _BEGUN and candidate.startswith(name)]
    if found or len(begun) == 1:
        return f'did you mean "{lowered[found[0]] if found else begun[0]}"?'
    return f"known: {listing(candidates)}" if candidates else ""


def suggest_again() -> None:
    """Begin a new reading: names are suggested for its first 2000 mistakes."""
    _closest.cache_clear()


def listing(names: Iterable[str]) -> str:
    """Names with commas between; of very many only the first."""
    all_names = list(names)
    more = len(all_names) - _LISTED
    return ", ".join(all_names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
