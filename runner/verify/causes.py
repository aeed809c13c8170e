"""Recognise pages that look broken on purpose, and pages that are certainly broken. Pure functions."""

from __future__ import annotations

import re

from runner.untrusted import sentence
from runner.verify.page import (
    has_critical_error,
    has_database_error,
    has_fatal_error,
    is_error_page,
    is_wp_die,
)
from runner.web import Answer, Url, parse_url

__all__ = ["LOGIN", "REST", "broken", "cause", "closed_rest", "hides_site", "landing"]

LOGIN = re.compile(r"/wp-login\.php(?:$|\?)")
REST = "/?rest_route=/"
"""Path of the REST root, and its page name."""
_UNAVAILABLE = 503
_NOT_FOUND = frozenset({404, 410})
_CLOSED_STATUSES = frozenset({401, 403, 404, 410, _UNAVAILABLE})
_SERVER_ERROR = 500
_LONGEST = 80
"""Longest part of a host or path in a message."""
_MEMBERS = "members only"
_SOON = "a coming-soon page"
"""`_MEMBERS` and `_SOON` start the causes of pages that hide the site from the public."""


def cause(answer: Answer) -> str:
    """Return why an answer that looks like an error may be intended; empty if not recognised."""
    status = answer.status
    if status is None or broken(answer):
        return ""
    if 300 <= status < 400:  # noqa: PLR2004
        return _redirect(answer)
    if status >= _SERVER_ERROR:
        return _closed(answer)
    if LOGIN.search(answer.url) and not LOGIN.search(answer.asked):
        return f"{_MEMBERS}: redirects to the login page"
    return _page(answer, status)


def _closed(answer: Answer) -> str:
    kind = "Retry-After" if answer.header("retry-after") else "wp_die" if is_wp_die(answer.body) else ""
    return f"{_SOON} (503, {kind})" if kind and answer.status == _UNAVAILABLE else ""


def _page(answer: Answer, status: int) -> str:
    if is_wp_die(answer.body):
        return f"{_SOON} (wp_die, {status})"
    if status in _NOT_FOUND:
        asked = parse_url(answer.asked)
        home = asked is not None and asked.path == "/"
        return f"headless: answers {status}" if home else f"a page that answers {status}"
    quotes_error = has_critical_error(answer.body) or has_database_error(answer.body)
    return "quotes a WordPress error message" if quotes_error else ""


def hides_site(cause: str) -> bool:
    """Whether the page hides the site from the public, while members see another page."""
    return cause.startswith((_MEMBERS, _SOON))


def broken(answer: Answer) -> bool:
    """Whether PHP or WordPress failed while generating the page, whatever its status."""
    return has_fatal_error(answer.body) or is_error_page(answer.body)


def closed_rest(answer: Answer) -> str:
    """Return why the REST root may be closed on purpose, as `cause` does for pages."""
    status, asked, final = answer.status, parse_url(answer.asked), parse_url(answer.url)
    if status is None:
        return "REST is closed: no answer"
    if broken(answer):
        return ""
    if asked and final and _route(asked) != _route(final):
        return f"REST is closed: redirects to {sentence(landing(answer) or '/', _LONGEST)}"
    if status == 200 and not answer.body.strip():  # noqa: PLR2004
        return "REST is closed: an empty answer"
    return f"REST is closed: answers {status}" if status in _CLOSED_STATUSES else ""


def _route(url: Url) -> tuple[str, str, bool]:
    """Return what identifies a REST route, without the rest of its query."""
    return url.host, url.path.rstrip("/"), "rest_route=" in url.target


def landing(answer: Answer) -> str:
    """Return the path after redirects without trailing slash, preceded by the host if it differs."""
    asked, final = parse_url(answer.asked), parse_url(answer.url)
    if final is None:
        return ""
    away = asked is not None and asked.host.removeprefix("www.") != final.host.removeprefix("www.")
    return f"{final.host if away else ''}{final.path.rstrip('/')}"


def _redirect(answer: Answer) -> str:
    asked, final = parse_url(answer.asked), parse_url(answer.url)
    if asked and final and asked.host != final.host:
        return f"headless: redirects to another host, {sentence(final.host, _LONGEST)}"
    return "a redirect that is not followed"
