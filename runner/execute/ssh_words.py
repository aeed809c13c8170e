"""Split lines of ssh_config into words, as OpenSSH does."""

from __future__ import annotations

import re

__all__ = ["match_words", "split_keyword", "split_words"]

_BLANK = " \t\r\n\f"


def split_keyword(line: str) -> tuple[str, str]:
    """Split a line into its keyword and the rest, which are separated by blanks or by one ``=``."""
    found = re.match(r'\s*"?([^\s="]*)"?\s*=?\s*(.*?)\s*$', line, re.DOTALL)
    return (found[1], found[2]) if found else ("", "")


def split_words(text: str) -> list[str] | None:
    """Split into words, up to a comment, without quotes and escapes; None if a quote is unclosed."""
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
    """The first word and its length in the text; None if a quote is unclosed."""
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
    """Split a ``Match`` line, where ``=`` separates words too; None if a quote is unclosed."""
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
