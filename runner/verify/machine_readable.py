"""Check documents that programs read: feeds, sitemaps, REST, admin-ajax and cron. Pure functions.

A stray byte at the start is invisible to people but breaks feed readers. It counts only if it is new.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from xml.parsers import expat

from runner.verify.causes import closed_rest
from runner.verify.page import has_warnings
from runner.verify.traits import Traits, traits
from runner.web import Answer, parse_url

__all__ = ["first_child", "is_xml", "json_of", "machine_traits", "sitemaps", "xml_signs"]

_PARSED = 2 << 20
"""Bytes of a document that are parsed."""
_SITEMAPS = 4
"""Most sitemaps that are taken from robots.txt."""
_BOM = b"\xef\xbb\xbf"
_HEAD = 256 << 10
_SITEMAP = re.compile(rb"^[ \t]{0,40}sitemap:[ \t]{0,40}(\S{1,2000})", re.IGNORECASE | re.MULTILINE)
_CHILD = re.compile(rb"<loc>\s{0,40}([^<\s]{1,2000})\s{0,40}</loc>")
_AJAX = frozenset({b"", b"0", b"-1"})
_BLANK = "starts with a blank or a byte order mark, so programs cannot read it"
_OTHER = "starts with other output, so programs cannot read it"
_XML = "is not valid XML"


def machine_traits(answer: Answer) -> Traits:
    """Return the traits of an answer. Problems for programs are signs, which count only if they are new."""
    found = traits(answer)
    if answer.status is None:
        return replace(found, cause=closed_rest(answer)) if "rest_route" in answer.asked else found
    rest = "rest_route" in answer.asked
    cause = closed_rest(answer) if rest else found.cause
    # the length of the text means nothing: feeds have varying numbers of entries
    return replace(
        found, cause=cause, signs=_signs(answer), content_size=0, stylesheets=frozenset(), closed=False
    )


def json_of(body: bytes) -> object:
    """Parse JSON, ignoring blanks and byte order marks before it; None if it is invalid.

    A body that is too long to parse counts as an object if it starts like one.
    """
    text = body.removeprefix(_BOM).strip()
    if len(text) > _PARSED:
        return {} if text.startswith(b"{") else None
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def sitemaps(robots: Answer) -> tuple[str, ...]:
    """Return the URLs of the sitemaps in `robots.txt`."""
    if robots.status != 200:  # noqa: PLR2004
        return ()
    found = (name.decode("utf-8", "replace") for name in _SITEMAP.findall(robots.body[:_HEAD]))
    return tuple(dict.fromkeys(name for name in found if parse_url(name)))[:_SITEMAPS]


def first_child(index: Answer) -> str:
    """Return the URL of the first sitemap in a sitemap index; empty if there is none."""
    start = index.body[:_HEAD]
    if index.status != 200 or b"<sitemapindex" not in start:  # noqa: PLR2004
        return ""
    found = _CHILD.search(start)
    name = unescape(found[1].decode("utf-8", "replace")) if found else ""
    return name if parse_url(name) else ""


def is_xml(answer: Answer) -> bool:
    """Whether the content type is XML, as of feeds and sitemaps, but not XHTML."""
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    return kind.endswith(("/xml", "+xml")) and kind != "application/xhtml+xml"


def xml_signs(answer: Answer) -> tuple[str, ...]:
    """Return what prevents programs from reading an XML answer."""
    return tuple(_xml(answer.body)) if answer.status == 200 else ()  # noqa: PLR2004


def _signs(answer: Answer) -> tuple[str, ...]:
    body, asked = answer.body, answer.asked
    found = ["prints PHP warnings"] if has_warnings(body) else []
    if "admin-ajax.php" in asked or "wp-cron.php" in asked:
        if body not in _AJAX:
            found.append(_BLANK if body.removeprefix(_BOM).strip() in _AJAX else _OTHER)
    elif answer.status == 200:  # noqa: PLR2004
        found += _json(body) if "rest_route" in asked else _xml(body)
    return tuple(found)


def _json(body: bytes) -> list[str]:
    return [_BLANK] if body != body.removeprefix(_BOM).lstrip() else []


def _xml(body: bytes) -> list[str]:
    if body != body.removeprefix(_BOM).lstrip():
        return [_BLANK]
    if not body.startswith(b"<?xml") and b"<?xml" in body[:_HEAD]:
        return [_OTHER]
    return [] if _well_formed(body) else [_XML]


def _well_formed(body: bytes) -> bool:
    """Whether XML can be parsed. Declared entities are refused, because expanding them takes long."""
    if len(body) > _PARSED:
        return True
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _refuse_entities
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _refuse_entities(*_: object) -> None:
    raise ValueError("entities are not supported")
