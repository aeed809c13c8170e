"""What a host says is data from a stranger: made harmless before anyone reads it."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "sentence"]

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC and its kin: titles, links
    r"|\x1b.?",
    re.DOTALL,
)


def clean(text: str, limit: int = 20_000) -> str:
    """Without terminal escapes and control characters but newline and tab; the middle of a flood is cut."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def sentence(text: str, limit: int = 300) -> str:
    """One line of it, for a reason."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
