"""Cleaning of untrusted text (hosts, sites, pages, files) before it is printed, recorded, logged or mailed.

Every function takes time linear in the size of its input.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["clean", "cleaned", "few", "one_line", "plain_name", "sentence", "trace_of"]

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and similar: titles, links
    r"|\x1b.?",
    re.DOTALL,
)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Control characters (C0, C1), direction overrides and other formats, surrogates, private use, separators."""
_FRAMES = 30
_LONGEST_TRACE = 16_000
_NOT_IN_A_NAME = re.compile(r"[^\w .,'&()\-]")
_ADDRESS = re.compile(r"https?:|://|www\.|@|\.(?=[^\W\d])", re.IGNORECASE)


def clean(text: str, limit: int = 20_000) -> str:
    """Remove terminal escapes, direction overrides and control characters except newline and tab.

    Text longer than about `limit` characters loses its middle, with a note of how much was left out.
    """
    size = len(text)
    if size <= limit and text.isprintable():
        return text
    if size > 2 * limit:  # do not clean what is left out anyway
        text = f"{text[:limit]}\n{text[-limit:]}"
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() or not text.isprintable():
        text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _HIDDEN)
    if len(text) <= limit and size <= 2 * limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{size - 2 * half} characters left out]\n{text[-half:]}"


def cleaned(value: Any) -> Any:
    """Clean every string in nested dicts, lists and tuples; leave other values alone."""
    if isinstance(value, str):
        return value if value.isprintable() else clean(value)
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(cleaned, value))
    return value


def sentence(text: str, limit: int = 300) -> str:
    """Clean text and join it to one line of at most `limit` characters."""
    line = " ".join(clean(text, 10 * limit).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def few(names: Sequence[str], most: int) -> str:
    """Join up to `most` names and count the rest: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def one_line(error: BaseException) -> str:
    """Format an error on one line, with its type."""
    return sentence(f"{type(error).__name__}: {error}".removesuffix(": "))


def trace_of(error: BaseException) -> str:
    """Format a traceback for a log; a long one is cut to the last calls."""
    import traceback

    return clean("".join(traceback.format_exception(error, limit=-_FRAMES)), _LONGEST_TRACE)


def plain_name(text: str, limit: int = 60) -> str:
    """Reduce a name to letters, digits and plain punctuation, safe for a client's email.

    Addresses in it are broken up so that no mail program links them. Empty if nothing is left.
    """
    line = _ADDRESS.sub(" ", sentence(text, 4 * limit))
    line = " ".join(_NOT_IN_A_NAME.sub(" ", line).split()).strip(" .,-")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
