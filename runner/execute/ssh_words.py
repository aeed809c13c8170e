"""The words of a line of ssh_config, split as OpenSSH splits them."""

from __future__ import annotations

import re

__all__ = ["match_words", "split_keyword", "split_words"]

_BLANK = " \t\r\n\f"


def split_keyword(line: str) -> tuple[str, str]:
    """The keyword of a line, and the rest of it: a blank, or one ``=`` and blanks, stand between them."""
    found = re.match(r'\s*"?([^\s="]*)"?\s*=?\s*(.*?)\s*$', line, re.DOTALL)
    return (found[1], found[2]) if found else ("", "")


def split_words(text: str) -> list[str] | None:
    """Words with their quotes and escapes removed, up to a comment; None: a quote is not closed."""
    words: list[str] = []
    rest = text
    while rest := rest.lstrip(" \t"):
        if rest.startswith("#"):
            break
        taken = _word(rest)
        if taken is None:
            return None
        word, length = taken
        words.append(word)
        rest = rest[length:]
    return words


def _word(text: str) -> tuple[str, int] | None:
    """The first word, and how many characters it takes."""
    word, quote, place = "", "", 0
    while place < len(text):
        mark, follows = text[place], text[place + 1 : place + 2]
        if mark == "\\" and (follows in {"'", '"', "\\"} or (follows == " " and not quote)):
            word += follows
            place += 1
        elif not quote and mark in " \t":
            break
        elif not quote and mark in "'\"":
            quote = mark
        elif quote and mark == quote:
            quote = ""
        else:
            word += mark
        place += 1
    return None if quote else (word, place)


def match_words(text: str) -> list[str] | None:
    """The words of a ``Match`` line: ``"`` quotes, ``=`` separates too; None: a quote is not closed."""
    words: list[str] = []
    rest = text.strip(_BLANK)
    while rest:
        if rest.startswith('"'):
            word, closed, rest = rest[1:].partition('"')
            if not closed:
                return None
        else:
            found = re.match(r'[^\s="]*', rest)
            word = found[0] if found else ""
            rest = rest[len(word) :]
        words.append(word)
        rest = re.sub(r"^\s*=?\s*", "", rest)
    return words
