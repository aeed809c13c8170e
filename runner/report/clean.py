"""Text of strangers, made fit to be shown: plugin names and reasons come from hosts."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from urllib.parse import urlsplit

__all__ = ["clean", "label", "labels"]

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s+")


def clean(text: str, limit: int = 120) -> str:
    """One line without terminal escapes, control characters and direction overrides, at most `limit` long."""
    text = _DIRECTION.sub("", _ESCAPES.sub("", text))
    text = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in text)
    text = _SPACE.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def labels(urls: dict[str, str]) -> dict[str, str]:
    """What clients call their sites, by name: addresses where they tell the sites apart, names where not."""
    found = {name: label(name, url) for name, url in urls.items()}
    return found if len(set(found.values())) == len(found) else {name: clean(name) for name in urls}


def label(name: str, url: str) -> str:
    """`shop.acme.example` for its address; the site's name where the address is only a number."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or host == "localhost" or ":" in host or re.fullmatch(r"[\d.]+", host):
        return clean(name)
    with suppress(UnicodeError):
        host = host.encode("ascii").decode("idna")
    return clean(host.removeprefix("www.") + parts.path.rstrip("/"))
