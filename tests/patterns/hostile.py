"""Hostile text for a pattern, made from the pattern itself: much of what it repeats, without its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["Text", "hostile_texts"]

Text = tuple[str, str, str]
"""What comes first, what is repeated, what comes last."""
_MANY = 30
_MOST = 80
_CANDIDATES = " a0\n\t-_.,:;/'\"<>=()[]{}\\*#@|&%$+!?~`^xA\0é"
_REPEATS = {ops.MAX_REPEAT, ops.MIN_REPEAT, getattr(ops, "POSSESSIVE_REPEAT", None)}
_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}


def hostile_texts(pattern: str | bytes, flags: int = 0) -> list[Text]:
    """Texts that make a pattern that backtracks do so: at most some dozens."""
    source = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    tree = parser.parse(source, flags & ~re.UNICODE)
    found: dict[Text, None] = {}
    whole = _sample(tree)
    for before, piece in _walk(tree, ""):
        for tail in ("\0", "", f"\0{whole}"):  # engines give up early where a letter is missing
            found[before, piece, tail] = None
        found["", before + piece, "\0"] = None
        found["", before + piece * 20, ""] = None
        if before:
            found["", before, "\0"] = None
    for piece in dict.fromkeys((whole, whole[:-1], whole + " ", *" a0\n<.-")):
        if piece:
            found["", piece, ""] = None
            found["", piece, "\0"] = None
    return list(found)[:_MOST]


def _walk(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    """For each thing that may be repeated often: what must come before it, and one of it."""
    for op, argument in tree:
        if op in _REPEATS:
            _, most, body = argument
            if most is ops.MAXREPEAT or most >= _MANY:
                for piece in dict.fromkeys(_samples(body)):
                    yield before, piece
            yield from _walk(body, before)
        elif op is ops.SUBPATTERN:
            yield from _walk(argument[-1], before)
        elif op is ops.BRANCH:
            for branch in argument[1]:
                yield from _walk(branch, before)
        elif op is getattr(ops, "ATOMIC_GROUP", None):
            yield from _walk(argument, before)
        before += _one(op, argument)


def _samples(tree: Any) -> list[str]:
    """Some different texts that a piece of a pattern matches: it may share one with what comes after it."""
    items = list(tree)
    if len(items) == 1 and items[0][0] in {ops.IN, ops.ANY, ops.NOT_LITERAL}:
        return [char for char in _CANDIDATES if _matches(*items[0], char)][:6]
    return [text for text in (*_branches(items), _sample(tree)) if text]


def _branches(items: list[Any]) -> list[str]:
    """Of a choice, each of what may be chosen, and all of it in a row."""
    while len(items) == 1 and items[0][0] is ops.SUBPATTERN:
        items = list(items[0][1][-1])
    texts = [_sample(branch) for op, argument in items if op is ops.BRANCH for branch in argument[1]]
    return [*texts[:4], "".join(texts)]


def _sample(tree: Any) -> str:
    return "".join(_one(op, argument) for op, argument in tree)


def _one(op: Any, argument: Any) -> str:
    """A short text that a node matches."""
    if op is ops.LITERAL:
        return chr(argument)
    if op in {ops.IN, ops.ANY, ops.NOT_LITERAL}:
        return next((char for char in "a" + _CANDIDATES if _matches(op, argument, char)), _first(argument))
    if op in _REPEATS:
        return _sample(argument[2]) * max(argument[0], 1)
    inner = {ops.SUBPATTERN: lambda: argument[-1], ops.BRANCH: lambda: argument[1][0]}
    if op is getattr(ops, "ATOMIC_GROUP", None):
        return _sample(argument)
    return _sample(inner[op]()) if op in inner else ""


def _first(argument: Any) -> str:
    for op, value in argument if isinstance(argument, list) else ():
        if op is ops.LITERAL:
            return chr(value)
        if op is ops.RANGE:
            return chr(value[0])
    return "a"


def _matches(op: Any, argument: Any, char: str) -> bool:
    if op is ops.ANY:
        return char != "\n"
    if op is ops.NOT_LITERAL:
        return ord(char) != argument
    negated, code = False, ord(char)
    hit = False
    for kind, value in argument:
        if kind is ops.NEGATE:
            negated = True
        elif kind is ops.LITERAL:
            hit |= code == value
        elif kind is ops.RANGE:
            hit |= value[0] <= code <= value[1]
        elif kind is ops.CATEGORY:
            hit |= re.match(_CATEGORIES.get(value, r"(?!)"), char) is not None
    return hit is not negated
