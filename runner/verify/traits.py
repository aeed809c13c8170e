"""The traits of a page by which it is compared before and after a change. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from runner.untrusted import sentence
from runner.verify.causes import broken, cause, landing
from runner.verify.page import (
    feeds,
    has_critical_error,
    has_database_error,
    has_warnings,
    stylesheets,
    without,
)
from runner.web import Answer, join

__all__ = ["LOGIN_FORM", "NO_TRAITS", "Traits", "content_size", "traits"]

LOGIN_FORM = "contains a login form"
_MEASURED = 1 << 20
"""Bytes of a page that are measured; visitors do not see the rest first."""
_FEEDS = 4
_BEFORE_START = 4096
_MEDIUM = 40
"""An image, a video or a form field counts as this many characters."""
_MEDIA = re.compile(rb"<(?:img|video|iframe|audio|picture|canvas|input|select|textarea|button)\b")
_TAG = re.compile(rb"<[^<>]*>")
_START = re.compile(rb"<(?:!doctype|html)\b", re.IGNORECASE)
_HIT = re.compile(r"\bhit\b", re.IGNORECASE)
_INVISIBLE = ((b"<!--", b"-->"), (b"<script", b"</script"), (b"<style", b"</style"), (b"<svg", b"</svg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The traits of a page."""

    landed: str = ""
    """The path after redirects, preceded by the host if it differs."""
    content_size: int = 0
    """Visible characters, with images and form fields counted as some."""
    stylesheets: frozenset[str] = frozenset()
    """URLs of linked stylesheets."""
    feeds: tuple[str, ...] = ()
    """URLs of linked feeds."""
    closed: bool = False
    """Whether the page contains `</html>`."""
    signs: tuple[str, ...] = ()
    """Oddities that may be intended, a sentence each. They count only if they are new."""
    cached: str = ""
    """The header in which a cache says that it answered; empty if none does."""
    cause: str = ""
    """Why a page that looks like an error may be intended, such as a login; empty if not recognised."""
    broken: bool = False
    """Whether PHP or WordPress failed, which is never intended."""


NO_TRAITS = Traits()
_LOGIN_FORM = re.compile(rb"\bid\s{0,9}=\s{0,9}[\"']?loginform\b", re.IGNORECASE)
_LOGIN_FIELD = re.compile(rb"\bname\s{0,9}=\s{0,9}[\"']?pwd\b", re.IGNORECASE)
"""Minifiers may remove the quotes."""


def traits(answer: Answer) -> Traits:
    """Return the traits of an answer."""
    if answer.failure:
        return Traits(landed=landing(answer), cause=cause(answer)) if answer.status else NO_TRAITS
    return Traits(
        landed=landing(answer),
        content_size=content_size(answer.body),
        stylesheets=_stylesheets(answer),
        feeds=tuple(join(answer.url, name) for name in islice(feeds(answer.body[:_MEASURED]), _FEEDS)),
        closed=not answer.cut and b"</html" in answer.body.lower(),
        signs=_signs(answer.body),
        cached=_cached(answer),
        cause=cause(answer),
        broken=broken(answer),
    )


def content_size(body: bytes) -> int:
    """Count the visible characters of a page; each image and form field counts as `_MEDIUM`."""
    visible = body[:_MEASURED].lower()
    for start, end in _INVISIBLE:
        visible = without(visible, start, end)
    media = len(_MEDIA.findall(visible))
    return len(b" ".join(_TAG.sub(b" ", visible).split())) + media * _MEDIUM


def _stylesheets(answer: Answer) -> frozenset[str]:
    return frozenset(join(answer.url, name) for name in stylesheets(answer.body[:_MEASURED]) if name)


def _signs(body: bytes) -> tuple[str, ...]:
    found = []
    if has_warnings(body):
        found.append("prints PHP warnings")
    start = _START.search(body[:_MEASURED])
    before = without(body[: start.start()][:_BEFORE_START], b"<!--", b"-->") if start else b""
    before = (
        without(before.removeprefix(b"\xef\xbb\xbf"), b"<?xml", b"?>")
        .replace(b"-->", b"")
        .replace(b"?>", b"")
    )
    if before.strip():
        found.append("prints something before the start of the page")
    if has_critical_error(body) or has_database_error(body):
        found.append("shows a WordPress error message")
    if _LOGIN_FORM.search(body) and _LOGIN_FIELD.search(body):
        found.append(LOGIN_FORM)
    return tuple(found)


def _cached(answer: Answer) -> str:
    """Return the header that shows a cache hit. Caches use many names; shared caches add `Age`."""
    for name, value in answer.headers:
        if ("cache" in name and _HIT.search(value)) or (name == "age" and value.strip() not in {"", "0"}):
            return sentence(f"{name}: {value}", 80)
    return ""
