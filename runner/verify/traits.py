"""What a page is like, apart from being right or wrong: what it is compared by. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from runner.verify.judge import Answer

__all__ = ["NO_TRAITS", "Traits", "traits"]

_MEASURED = 2 << 20
"""Bytes of a page that are measured: what comes after is not what visitors see first."""
_SEARCHED = 256 << 10
_LEAD = 4096
_MEDIUM = 40
"""A picture, a film, a field of a form count as much as so many letters."""
_LINK = re.compile(rb"<link\b[^>]{0,2000}>", re.IGNORECASE)
_IS_STYLESHEET = re.compile(rb"\brel\s*=\s*[\"']?\s*stylesheet", re.IGNORECASE)
_HREF = re.compile(rb"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_MEDIA = re.compile(rb"<(?:img|video|iframe|audio|picture|canvas|input|select|textarea|button)\b")
_TAG = re.compile(rb"<[^<>]*>")
_BEGIN = re.compile(rb"<(?:!doctype|html)\b", re.IGNORECASE)
_COMPLAINT = re.compile(
    rb"(?:Warning|Notice|Deprecated|Strict Standards)(?:</b>)?:\s+"
    rb"[^\n]{1,200}? in (?:<b>)?/[^\n]{1,200}? on line"
)
_PROLOGUE = re.compile(rb"\s+|\xef\xbb\xbf|<!--.*?-->|<\?xml.*?\?>", re.DOTALL)
_HIT = re.compile(r"\bhit\b", re.IGNORECASE)
_OUT_OF_SIGHT = ((b"<!--", b"-->"), (b"<script", b"</script"), (b"<style", b"</style"), (b"<svg", b"</svg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """By what a page is known again."""

    landed: str = ""
    """Path that redirects led to."""
    substance: int = 0
    """Letters that a visitor can read, pictures and fields counted in."""
    stylesheets: frozenset[str] = frozenset()
    """Addresses of those that it links to."""
    closed: bool = False
    """Whether the page has an end: `</html>`."""
    signs: tuple[str, ...] = ()
    """What is odd about it and may be meant: it counts only where it is new, a sentence each."""
    cached: str = ""
    """The header by which a cache says that it answered; empty where none says so."""


NO_TRAITS = Traits()


def traits(answer: Answer) -> Traits:
    """What an answer is like. A page that was cut for its length has no end."""
    if answer.failure:
        return NO_TRAITS
    return Traits(
        landed=urlsplit(answer.url).path.rstrip("/"),
        substance=_substance(answer.body),
        stylesheets=_stylesheets(answer),
        closed=not answer.cut and b"</html" in answer.body.lower(),
        signs=_signs(answer.body),
        cached=_cached(answer),
    )


def _substance(body: bytes) -> int:
    seen = body[:_MEASURED].lower()
    for begin, end in _OUT_OF_SIGHT:
        seen = _without(seen, begin, end)
    media = len(_MEDIA.findall(seen))
    return len(b" ".join(_TAG.sub(b" ", seen).split())) + media * _MEDIUM


def _without(text: bytes, begin: bytes, end: bytes) -> bytes:
    """The text without what stands between: in one pass, however the text was written."""
    kept, at = [], 0
    while (start := text.find(begin, at)) >= 0:
        kept.append(text[at:start])
        at = text.find(end, start)
        if at < 0:
            return b"".join(kept)
    kept.append(text[at:])
    return b"".join(kept)


def _stylesheets(answer: Answer) -> frozenset[str]:
    found = set()
    for link in _LINK.findall(answer.body[:_MEASURED]):
        href = _HREF.search(link)
        if href and _IS_STYLESHEET.search(link):
            address = next(filter(None, href.groups()), b"").decode("utf-8", "replace").replace("&#038;", "&")
            found.add(urljoin(answer.url, address.replace("&amp;", "&").strip()))
    return frozenset(found)


def _signs(body: bytes) -> tuple[str, ...]:
    found = []
    if _COMPLAINT.search(body[:_SEARCHED]):
        found.append("prints warnings of PHP")
    begin = _BEGIN.search(body[:_MEASURED])
    before = _without(body[: begin.start()][:_LEAD], b"<!--", b"-->") if begin else b""
    before = (
        _without(before.removeprefix(b"\xef\xbb\xbf"), b"<?xml", b"?>")
        .replace(b"-->", b"")
        .replace(b"?>", b"")
    )
    if before.strip():
        found.append("prints something before the page begins")
    if b'id="loginform"' in body and b'name="pwd"' in body:
        found.append("is or holds a login form")
    return tuple(found)


def _cached(answer: Answer) -> str:
    """Caches say so in headers of many names; a shared one adds the age of what it kept."""
    for name, value in answer.headers:
        if ("cache" in name and _HIT.search(value)) or (name == "age" and value.strip() not in {"", "0"}):
            return f"{name}: {value.strip()[:60]}"
    return ""
