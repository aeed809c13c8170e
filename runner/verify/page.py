"""What is written on a page, found in time that grows with its length, whatever it is made of.

A stranger wrote it, and a pattern holds all threads of the controller while it runs: none here reads the same
bytes often, and what costs more is looked for a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

__all__ = [
    "breaks",
    "complains",
    "dies",
    "feeds",
    "gives_up",
    "says_critical_error",
    "says_no_database",
    "stylesheets",
    "without",
]

_SEARCHED = 512 << 10
_TAIL = 64 << 10
"""Bytes at the end of a page: that is where PHP dies."""
_LINKS = 2000
_TRIES = 50
_WINDOW = 500
_FATAL = re.compile(rb"(?:Fatal|Parse) error(?:</b>)?:\s")
_COMPLAINT = re.compile(rb"(?:Warning|Notice|Deprecated|Strict Standards)(?:</b>)?:\s")
_ERROR_PAGE = re.compile(rb"<body[^<>]{0,200}?\bid=[\"']?error-page\b")
_ANY_BODY = re.compile(rb"<body\b")
_CRITICAL = b"There has been a critical error on this website"
_HELP = b"faq-troubleshooting"
"""In the address of the help to which WordPress links after a fatal error, in every language."""
_NO_DATABASE = b"error establishing a database connection"
_LINK = re.compile(rb"<link\b([^<>]{0,2000})>", re.IGNORECASE)
_IS_STYLESHEET = re.compile(rb"\brel\s*=\s*(?:[\"']\s*)?stylesheet", re.IGNORECASE)
_IS_FEED = re.compile(rb"\btype\s*=\s*[\"']?application/(?:rss|atom)\+xml", re.IGNORECASE)
_HREF = re.compile(rb"\bhref\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)'|([^\s<>]+))", re.IGNORECASE)


def dies(body: bytes) -> bool:
    """Whether PHP prints an error after which it does not go on."""
    return any(0 < _names_a_file(after) <= 200 for after in _after(_FATAL, _ends(body)))  # noqa: PLR2004


def complains(body: bytes) -> bool:
    """Whether PHP prints warnings."""
    for after in _after(_COMPLAINT, body[: _SEARCHED // 2]):
        at = _names_a_file(after)
        if at > 0 and b" on line" in after[at:]:
            return True
    return False


def gives_up(body: bytes) -> bool:
    """Whether it is the page that WordPress shows instead of its own."""
    return _ERROR_PAGE.search(_ends(body)) is not None


def says_no_database(body: bytes) -> bool:
    """Whether the page has the words of WordPress without a database, be they its own or quoted."""
    return _NO_DATABASE in body.lower()


def says_critical_error(body: bytes) -> bool:
    """Whether the page has the words of WordPress after a fatal error, be they its own or quoted."""
    return _CRITICAL in body


def breaks(body: bytes) -> bool:
    """Whether WordPress gives up for an error: a page that is meant has other words, and is the whole."""
    ends = _ends(body)
    page = _ERROR_PAGE.search(ends)
    if page is None:
        return False
    first = _ANY_BODY.search(ends)
    cut_in = first is not None and first.start() < page.start()
    return cut_in or _HELP in ends or says_critical_error(ends) or says_no_database(ends)


def stylesheets(body: bytes) -> Iterator[str]:
    """What the page's stylesheets are called, as it is written there."""
    for link in islice(_LINK.finditer(body), _LINKS):
        href = _HREF.search(link[1])
        if _IS_STYLESHEET.search(link[1]):
            name = next(filter(None, href.groups()), b"") if href else b""
            yield name.decode("utf-8", "replace").replace("&#038;", "&").replace("&amp;", "&").strip()


def feeds(body: bytes) -> Iterator[str]:
    """What the page's feeds are called, as it is written there."""
    for link in islice(_LINK.finditer(body), _LINKS):
        href = _HREF.search(link[1])
        if href and _IS_FEED.search(link[1]):
            name = next(filter(None, href.groups()), b"")
            yield name.decode("utf-8", "replace").replace("&#038;", "&").replace("&amp;", "&").strip()


def without(text: bytes, begin: bytes, end: bytes) -> bytes:
    """The text without what stands between: in one pass, however the text was written."""
    kept, at = [], 0
    while (start := text.find(begin, at)) >= 0:
        kept.append(text[at:start])
        at = text.find(end, start)
        if at < 0:
            return b"".join(kept)
    kept.append(text[at:])
    return b"".join(kept)


def _ends(body: bytes) -> bytes:
    """The beginning and the end of a long page."""
    return body if len(body) <= _SEARCHED else body[:_SEARCHED] + body[-_TAIL:]


def _after(pattern: re.Pattern[bytes], body: bytes) -> Iterator[bytes]:
    """The rest of the line after each of the first places where a pattern is found."""
    for found in islice(pattern.finditer(body), _TRIES):
        yield body[found.end() : found.end() + _WINDOW].lstrip().partition(b"\n")[0]


def _names_a_file(line: bytes) -> int:
    """Where in a line an absolute path is named, before other tags than PHP's own; -1 where none is."""
    line = line.replace(b" in <b>/", b" in /")
    at = line.find(b" in /")
    return at if b"<" not in line[: max(at, 0)] else -1
