"""Text from hosts, sites, pages and files of others: the one way to a screen, a ledger, a log or a mail.

Every function here takes time in proportion to its input, whatever the input is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["clean", "cleaned", "few", "one_line", "plain_name", "sentence", "trace_of"]

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and its kin: titles, links
    r"|\x1b.?",
    re.DOTALL,
)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Controls (C0 and C1), direction overrides and other formats, surrogates, private use, line separators."""
_FRAMES = 30
_LONGEST_TRACE = 16_000
_NOT_IN_A_NAME = re.compile(r"[^\w .,'&()\-]")
_ADDRESS = re.compile(r"https?:|://|www\.|@|\.(?=[^\W\d])", re.IGNORECASE)


def clean(text: str, limit: int = 20_000) -> str:
    """The text without terminal escapes, control characters (but newline and tab) and direction overrides.

    At most about `limit` characters: the middle of a longer text is left out, and the text says so.
    """
    size = len(text)
    if size <= limit and text.isprintable():
        return text
    if size > 2 * limit:  # what is left out is not worth cleaning
        text = f"{text[:limit]}\n{text[-limit:]}"
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() or not text.isprintable():
        text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _HIDDEN)
    if len(text) <= limit and size <= 2 * limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{size - 2 * half} characters left out]\n{text[-half:]}"


def cleaned(value: Any) -> Any:
    """A value made of dicts, lists and tuples with every text in it cleaned; other values are left alone."""
    if isinstance(value, str):
        return value if value.isprintable() else clean(value)
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(cleaned, value))
    return value


def sentence(text: str, limit: int = 300) -> str:
    """One line of it, at most `limit` characters."""
    line = " ".join(clean(text, 10 * limit).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def few(names: Sequence[str], most: int) -> str:
    """At most so many of the names, and how many more there are: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def one_line(error: BaseException) -> str:
    """An error in one line, its type included."""
    return sentence(f"{type(error).__name__}: {error}".removesuffix(": "))


def trace_of(error: BaseException) -> str:
    """The traceback for a log; of a long one the last calls."""
    import traceback

    return clean("".join(traceback.format_exception(error, limit=-_FRAMES)), _LONGEST_TRACE)


def plain_name(text: str, limit: int = 60) -> str:
    """A name fit for a client's mail: letters, digits and plain punctuation, nothing a reader could follow.

    Empty when nothing of it is left; an address in it is taken apart, so that no mail program links it.
    """
    line = _ADDRESS.sub(" ", sentence(text, 4 * limit))
    line = " ".join(_NOT_IN_A_NAME.sub(" ", line).split()).strip(" .,-")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
