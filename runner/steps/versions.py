"""Version comparison like PHP's `version_compare`, which WordPress uses.

The order differs from SemVer and from Python's: ``1.0 < 1.0.0``, ``1.0RC1 > 1.0-beta2``, ``1.0-1 > 1.0``.
"""

from __future__ import annotations

from functools import cmp_to_key
from itertools import zip_longest

from runner.model import Level

__all__ = ["branch", "compare", "core_level", "key", "level"]

_FORMS = (("dev", 0), ("a", 1), ("b", 2), ("RC", 3), ("rc", 3), ("#", 4), ("p", 5))
"""Prefixes of parts that are not numbers, from oldest to newest; any other part is older than all of them."""
_NUMBER = "#N#"
_LONG_MAX = 2**63 - 1
_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 if `one` is older than, equal to or newer than `other`."""
    if not one or not other:
        return bool(one) - bool(other)
    one, other = _canonical(one), _canonical(other)
    more = others_more = True
    while more and others_more and one and other:
        part, more, one = _cut(one)
        others_part, others_more, other = _cut(other)
        if order := _compare_parts(part, others_part):
            return order
    if more:
        return 1 if one[:1] in _DIGITS else compare(one, _NUMBER)
    if others_more:
        return -1 if other[:1] in _DIGITS else compare(_NUMBER, other)
    return 0


key = cmp_to_key(compare)
"""Sort key, for `sorted` and `max`."""


def level(old: str, new: str) -> Level:
    """Return the level of an update: major if the first part differs, minor if the second, else patch."""
    olds, news = (_canonical(version.lstrip("vV")).split(".") for version in (old, new))
    parts = zip_longest(olds, news, fillvalue="0")
    differing = next((index for index, (one, other) in enumerate(parts) if one != other), 2)
    return (Level.MAJOR, Level.MINOR, Level.PATCH)[min(differing, 2)]


def core_level(old: str, new: str) -> Level:
    """Return the level of an update of WordPress: 6.5 to 6.6 is major, any update within 6.5 is minor."""
    return Level.MINOR if branch(old) == branch(new) else Level.MAJOR


def branch(version: str) -> str:
    """Return the branch of WordPress that a version belongs to, like ``6.5``."""
    return ".".join([*_canonical(version).split("."), "0"][:2])


def _canonical(version: str) -> str:
    if version.startswith("#"):
        return version
    version = version.encode(errors="surrogateescape").decode("latin-1")  # PHP compares bytes
    done = version[:1]
    last = done
    for char in version[1:]:
        borders = (_is_other(last) and char in _DIGITS) or (last in _DIGITS and _is_other(char))
        if char in "-_+" or (not borders and char not in _DIGITS | _LETTERS):
            done += "" if done.endswith(".") else "."
        elif borders:
            done += char if done.endswith(".") else f".{char}"
        else:
            done += char
        last = char
    return done


def _is_other(char: str) -> bool:
    return char not in _DIGITS and char != "."


def _cut(version: str) -> tuple[str, bool, str]:
    """Split off the first part; return it, whether a dot follows, and the rest."""
    part, dot, rest = version.partition(".")
    return part, bool(dot), rest


def _compare_parts(one: str, other: str) -> int:
    if one[:1] in _DIGITS and other[:1] in _DIGITS:
        return _sign(_number(one) - _number(other))
    return _sign(_form(one) - _form(other))


def _form(part: str) -> int:
    if part[:1] in _DIGITS:
        part = _NUMBER
    return next((order for name, order in _FORMS if part.startswith(name)), -1)


def _number(part: str) -> int:
    digits = part[: next((i for i, c in enumerate(part) if c not in _DIGITS), len(part))]
    return min(int(digits[:30]), _LONG_MAX)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
