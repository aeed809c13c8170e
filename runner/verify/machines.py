"""What only programs read: feeds, sitemaps, REST, the answers of wp-admin and of cron. Pure.

People see nothing of a byte before them, and a reader of feeds stops working. It counts where it is new.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from xml.parsers import expat

from runner.verify.causes import closed_rest
from runner.verify.page import complains
from runner.verify.traits import Traits, traits
from runner.web import Answer, split

__all__ = ["first_child", "is_xml", "json_of", "machine_traits", "sitemaps", "xml_signs"]

_PARSED = 2 << 20
"""Bytes of a document that are parsed."""
_NAMED = 4
"""So many feeds or sitemaps are asked for, at most."""
_BOM = b"\xef\xbb\xbf"
_HEAD = 256 << 10
_SITEMAP = re.compile(rb"^[ \t]{0,40}sitemap:[ \t]{0,40}(\S{1,2000})", re.IGNORECASE | re.MULTILINE)
_CHILD = re.compile(rb"<loc>\s{0,40}([^<\s]{1,2000})\s{0,40}</loc>")
_AJAX = frozenset({b"", b"0", b"-1"})
_BLANK = "has a blank or a byte order mark before it: programs cannot read it"
_OTHER = "has something before it: programs cannot read it"
_XML = "is no XML that programs can read"


def machine_traits(answer: Answer) -> Traits:
    """As `traits`: what keeps programs from reading the answer is a sign, which counts where it is new."""
    found = traits(answer)
    if answer.status is None:
        return replace(found, cause=closed_rest(answer)) if "rest_route" in answer.asked else found
    rest = "rest_route" in answer.asked
    cause = closed_rest(answer) if rest else found.cause
    # how much text it has says nothing: a feed has as many entries as there are
    return replace(
        found, cause=cause, signs=_signs(answer), substance=0, stylesheets=frozenset(), closed=False
    )


def json_of(body: bytes) -> object:
    """What the JSON says, whatever blanks or marks stand before it; None where it is none.

    A body too long to be parsed is what it begins as.
    """
    text = body.removeprefix(_BOM).strip()
    if len(text) > _PARSED:
        return {} if text.startswith(b"{") else None
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def sitemaps(robots: Answer) -> tuple[str, ...]:
    """The addresses of sitemaps that `robots.txt` names."""
    if robots.status != 200:  # noqa: PLR2004
        return ()
    found = (name.decode("utf-8", "replace") for name in _SITEMAP.findall(robots.body[:_HEAD]))
    return tuple(dict.fromkeys(name for name in found if split(name)))[:_NAMED]


def first_child(index: Answer) -> str:
    """The address of the first sitemap that an index of sitemaps names; empty where it is none."""
    begin = index.body[:_HEAD]
    if index.status != 200 or b"<sitemapindex" not in begin:  # noqa: PLR2004
        return ""
    found = _CHILD.search(begin)
    name = unescape(found[1].decode("utf-8", "replace")) if found else ""
    return name if split(name) else ""


def is_xml(answer: Answer) -> bool:
    """Whether an answer says that it is XML, as feeds and sitemaps do, and is no page for people."""
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    return kind.endswith(("/xml", "+xml")) and kind != "application/xhtml+xml"


def xml_signs(answer: Answer) -> tuple[str, ...]:
    """What keeps programs from reading an answer that is XML."""
    return tuple(_xml(answer.body)) if answer.status == 200 else ()  # noqa: PLR2004


def _signs(answer: Answer) -> tuple[str, ...]:
    body, asked = answer.body, answer.asked
    found = ["prints warnings of PHP"] if complains(body) else []
    if "admin-ajax.php" in asked or "wp-cron.php" in asked:
        if body not in _AJAX:
            found.append(_BLANK if body.removeprefix(_BOM).strip() in _AJAX else _OTHER)
    elif answer.status == 200:  # noqa: PLR2004
        found += _json(body) if "rest_route" in asked else _xml(body)
    return tuple(found)


def _json(body: bytes) -> list[str]:
    return [_BLANK] if body != body.removeprefix(_BOM).lstrip() else []


def _xml(body: bytes) -> list[str]:
    bare = body.removeprefix(_BOM).lstrip()
    if body != bare:
        return [_BLANK]
    if not body.startswith(b"<?xml") and b"<?xml" in body[:_HEAD]:
        return [_OTHER]
    return [] if _well_formed(body) else [_XML]


def _well_formed(body: bytes) -> bool:
    """In time that grows with the length: entities that a document declares are not resolved."""
    if len(body) > _PARSED:
        return True
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _refuse(*_: object) -> None:
    raise ValueError("entities are not read")
