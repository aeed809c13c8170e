"""Find error messages and links on a page, in time proportional to its length.

Pages are untrusted, and a regular expression blocks all threads of the controller while it runs. So no
pattern backtracks far, and expensive searches are repeated only a limited number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

__all__ = [
    "feeds",
    "has_critical_error",
    "has_database_error",
    "has_fatal_error",
    "has_warnings",
    "is_error_page",
    "is_wp_die",
    "stylesheets",
    "without",
]

_SEARCHED = 512 << 10
_TAIL = 64 << 10
"""Bytes at the end of a page that are searched too: PHP prints fatal errors there."""
_LINKS = 2000
_MATCHES = 50
_WINDOW = 500
_FATAL = re.compile(rb"(?:Fatal|Parse) error(?:</b>)?:\s")
_WARNING = re.compile(rb"(?:Warning|Notice|Deprecated|Strict Standards)(?:</b>)?:\s")
_ERROR_PAGE = re.compile(rb"<body[^<>]{0,200}?\bid=[\"']?error-page\b")
_ANY_BODY = re.compile(rb"<body\b")
_CRITICAL_ERROR = b"There has been a critical error on this website"
_HELP_LINK = b"faq-troubleshooting"
"""Part of the URL of the help page that WordPress links to after a fatal error, in every language."""
_DATABASE_ERROR = b"error establishing a database connection"
_LINK = re.compile(rb"<link\b([^<>]{0,2000})>", re.IGNORECASE)
_IS_STYLESHEET = re.compile(rb"\brel\s*=\s*(?:[\"']\s*)?stylesheet", re.IGNORECASE)
_IS_FEED = re.compile(rb"\btype\s*=\s*[\"']?application/(?:rss|atom)\+xml", re.IGNORECASE)
_HREF = re.compile(rb"\bhref\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)'|([^\s<>]+))", re.IGNORECASE)


def has_fatal_error(body: bytes) -> bool:
    """Whether the page contains a fatal error of PHP."""
    return any(0 < _path_position(line) <= 200 for line in _lines_after(_FATAL, _ends(body)))  # noqa: PLR2004


def has_warnings(body: bytes) -> bool:
    """Whether the page contains warnings of PHP."""
    for line in _lines_after(_WARNING, body[: _SEARCHED // 2]):
        at = _path_position(line)
        if at > 0 and b" on line" in line[at:]:
            return True
    return False


def is_wp_die(body: bytes) -> bool:
    """Whether the page is the one of `wp_die()`, which WordPress shows instead of the site."""
    return _ERROR_PAGE.search(_ends(body)) is not None


def has_database_error(body: bytes) -> bool:
    """Whether the page contains WordPress's database error message, its own or quoted."""
    return _DATABASE_ERROR in body.lower()


def has_critical_error(body: bytes) -> bool:
    """Whether the page contains WordPress's critical error message, its own or quoted."""
    return _CRITICAL_ERROR in body


def is_error_page(body: bytes) -> bool:
    """Whether the page of `wp_die()` reports an error. If intended, it has other text and is a whole page."""
    ends = _ends(body)
    page = _ERROR_PAGE.search(ends)
    if page is None:
        return False
    first = _ANY_BODY.search(ends)
    cut_in = first is not None and first.start() < page.start()
    return cut_in or _HELP_LINK in ends or has_critical_error(ends) or has_database_error(ends)


def stylesheets(body: bytes) -> Iterator[str]:
    """Yield the links to stylesheets, as written on the page."""
    for link in islice(_LINK.finditer(body), _LINKS):
        href = _HREF.search(link[1])
        if _IS_STYLESHEET.search(link[1]):
            name = next(filter(None, href.groups()), b"") if href else b""
            yield name.decode("utf-8", "replace").replace("&#038;", "&").replace("&amp;", "&").strip()


def feeds(body: bytes) -> Iterator[str]:
    """Yield the links to feeds, as written on the page."""
    for link in islice(_LINK.finditer(body), _LINKS):
        href = _HREF.search(link[1])
        if href and _IS_FEED.search(link[1]):
            name = next(filter(None, href.groups()), b"")
            yield name.decode("utf-8", "replace").replace("&#038;", "&").replace("&amp;", "&").strip()


def without(text: bytes, start: bytes, end: bytes) -> bytes:
    """Remove everything from each `start` to the next `end`, in one pass."""
    kept, at = [], 0
    while (found := text.find(start, at)) >= 0:
        kept.append(text[at:found])
        at = text.find(end, found)
        if at < 0:
            return b"".join(kept)
    kept.append(text[at:])
    return b"".join(kept)


def _ends(body: bytes) -> bytes:
    """Return the start and the end of a long page."""
    return body if len(body) <= _SEARCHED else body[:_SEARCHED] + body[-_TAIL:]


def _lines_after(pattern: re.Pattern[bytes], body: bytes) -> Iterator[bytes]:
    """Yield the rest of the line after each of the first matches of a pattern."""
    for found in islice(pattern.finditer(body), _MATCHES):
        yield body[found.end() : found.end() + _WINDOW].lstrip().partition(b"\n")[0]


def _path_position(line: bytes) -> int:
    """Return the position of an absolute path in an error message of PHP; -1 if there is none."""
    line = line.replace(b" in <b>/", b" in /")
    at = line.find(b" in /")
    return at if b"<" not in line[: max(at, 0)] else -1
