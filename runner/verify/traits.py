"""What a page is like, apart from being right or wrong: what it is compared by. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from runner.untrusted import sentence
from runner.verify.causes import broken, cause, landing
from runner.verify.page import (
    complains,
    feeds,
    says_critical_error,
    says_no_database,
    stylesheets,
    without,
)
from runner.web import Answer, join

__all__ = ["LOGIN_FORM", "NO_TRAITS", "Traits", "substance", "traits"]

LOGIN_FORM = "is or holds a login form"
_MEASURED = 1 << 20
"""Bytes of a page that are measured: what comes after is not what visitors see first."""
_FEEDS = 4
_LEAD = 4096
_MEDIUM = 40
"""A picture, a film, a field of a form count as much as so many letters."""
_MEDIA = re.compile(rb"<(?:img|video|iframe|audio|picture|canvas|input|select|textarea|button)\b")
_TAG = re.compile(rb"<[^<>]*>")
_BEGIN = re.compile(rb"<(?:!doctype|html)\b", re.IGNORECASE)
_HIT = re.compile(r"\bhit\b", re.IGNORECASE)
_OUT_OF_SIGHT = ((b"<!--", b"-->"), (b"<script", b"</script"), (b"<style", b"</style"), (b"<svg", b"</svg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """By what a page is known again."""

    landed: str = ""
    """Path that redirects led to, after the host where that is another."""
    substance: int = 0
    """Letters that a visitor can read, pictures and fields counted in."""
    stylesheets: frozenset[str] = frozenset()
    """Addresses of those that it links to."""
    feeds: tuple[str, ...] = ()
    """Addresses of feeds that it names."""
    closed: bool = False
    """Whether the page has an end: `</html>`."""
    signs: tuple[str, ...] = ()
    """What is odd about it and may be meant: it counts only where it is new, a sentence each."""
    cached: str = ""
    """The header by which a cache says that it answered; empty where none says so."""
    cause: str = ""
    """What it is where it looks like an error and may be meant: a coming-soon page, a login."""
    broken: bool = False
    """PHP or WordPress dies there: that is never meant."""


NO_TRAITS = Traits()
_LOGIN_FORM = re.compile(rb"\bid\s{0,9}=\s{0,9}[\"']?loginform\b", re.IGNORECASE)
_LOGIN_FIELD = re.compile(rb"\bname\s{0,9}=\s{0,9}[\"']?pwd\b", re.IGNORECASE)
"""However a minifier has written their quotes."""


def traits(answer: Answer) -> Traits:
    """What an answer is like. A page that was cut for its length has no end."""
    if answer.failure:
        return Traits(landed=landing(answer), cause=cause(answer)) if answer.status else NO_TRAITS
    return Traits(
        landed=landing(answer),
        substance=substance(answer.body),
        stylesheets=_stylesheets(answer),
        feeds=tuple(join(answer.url, name) for name in islice(feeds(answer.body[:_MEASURED]), _FEEDS)),
        closed=not answer.cut and b"</html" in answer.body.lower(),
        signs=_signs(answer.body),
        cached=_cached(answer),
        cause=cause(answer),
        broken=broken(answer),
    )


def substance(body: bytes) -> int:
    """Letters of a page that a visitor can read, pictures and fields counted in."""
    seen = body[:_MEASURED].lower()
    for begin, end in _OUT_OF_SIGHT:
        seen = without(seen, begin, end)
    media = len(_MEDIA.findall(seen))
    return len(b" ".join(_TAG.sub(b" ", seen).split())) + media * _MEDIUM


def _stylesheets(answer: Answer) -> frozenset[str]:
    return frozenset(join(answer.url, name) for name in stylesheets(answer.body[:_MEASURED]) if name)


def _signs(body: bytes) -> tuple[str, ...]:
    found = []
    if complains(body):
        found.append("prints warnings of PHP")
    begin = _BEGIN.search(body[:_MEASURED])
    before = without(body[: begin.start()][:_LEAD], b"<!--", b"-->") if begin else b""
    before = (
        without(before.removeprefix(b"\xef\xbb\xbf"), b"<?xml", b"?>")
        .replace(b"-->", b"")
        .replace(b"?>", b"")
    )
    if before.strip():
        found.append("prints something before the start of the page")
    if says_critical_error(body) or says_no_database(body):
        found.append("shows an error message of WordPress")
    if _LOGIN_FORM.search(body) and _LOGIN_FIELD.search(body):
        found.append(LOGIN_FORM)
    return tuple(found)


def _cached(answer: Answer) -> str:
    """Caches say so in headers of many names; a shared one adds the age of what it kept."""
    for name, value in answer.headers:
        if ("cache" in name and _HIT.search(value)) or (name == "age" and value.strip() not in {"", "0"}):
            return sentence(f"{name}: {value}", 80)
    return ""
