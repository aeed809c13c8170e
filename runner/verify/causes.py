"""Recognise pages that look broken on purpose, and pages that are certainly broken. Pure functions."""

from __future__ import annotations

import re

from runner.untrusted import sentence
from runner.verify.page import breaks, dies, gives_up, says_critical_error, says_no_database
from runner.web import Answer, Place, split

__all__ = ["LOGIN", "REST", "broken", "cause", "closed_rest", "is_door", "landing"]

LOGIN = re.compile(r"/wp-login\.php(?:$|\?)")
REST = "/?rest_route=/"
"""Name of the page that is the root of REST."""
_UNAVAILABLE = 503
_NOT_FOUND = frozenset({404, 410})
_SHUT = frozenset({401, 403, 404, 410, _UNAVAILABLE})
_SERVER_ERROR = 500
_HOST = 80
_MEMBERS = "members only"
_SOON = "a coming-soon page"
"""Prefix of the causes of pages that hide the site from the public."""


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
        return f"{_MEMBERS}: leads to the login page"
    return _page(answer, status)


def _closed(answer: Answer) -> str:
    kind = "Retry-After" if answer.header("retry-after") else "wp_die" if gives_up(answer.body) else ""
    return f"{_SOON} (503, {kind})" if kind and answer.status == _UNAVAILABLE else ""


def _page(answer: Answer, status: int) -> str:
    if gives_up(answer.body):
        return f"{_SOON} (wp_die, {status})"
    if status in _NOT_FOUND:
        asked = split(answer.asked)
        home = asked is not None and asked.path == "/"
        return f"headless: answers {status}" if home else f"a page that answers {status}"
    quotes = says_critical_error(answer.body) or says_no_database(answer.body)
    return "quotes an error message of WordPress" if quotes else ""


def is_door(cause: str) -> bool:
    """Whether the page hides the site from the public, while members see another page."""
    return cause.startswith((_MEMBERS, _SOON))


def broken(answer: Answer) -> bool:
    """Whether PHP or WordPress failed while making the page, whatever its status."""
    return dies(answer.body) or breaks(answer.body)


def closed_rest(answer: Answer) -> str:
    """Return why the REST root may be closed on purpose, as `cause` does for pages."""
    status, asked, ended = answer.status, split(answer.asked), split(answer.url)
    if status is None:
        return "REST is closed: no answer"
    if broken(answer):
        return ""
    if asked and ended and _of_rest(asked) != _of_rest(ended):
        return f"REST is closed: leads to {sentence(landing(answer) or '/', _HOST)}"
    if status == 200 and not answer.body.strip():  # noqa: PLR2004
        return "REST is closed: an empty answer"
    return f"REST is closed: answers {status}" if status in _SHUT else ""


def _of_rest(place: Place) -> tuple[str, str, bool]:
    """Return what identifies a REST route, without the rest of its query."""
    return place.host, place.path.rstrip("/"), "rest_route=" in place.target


def landing(answer: Answer) -> str:
    """Return the target of redirects: a path without trailing slash, preceded by the host if it differs."""
    asked, ended = split(answer.asked), split(answer.url)
    if ended is None:
        return ""
    away = asked is not None and asked.host.removeprefix("www.") != ended.host.removeprefix("www.")
    return f"{ended.host if away else ''}{ended.path.rstrip('/')}"


def _redirect(answer: Answer) -> str:
    asked, ended = split(answer.asked), split(answer.url)
    if asked and ended and asked.host != ended.host:
        return f"headless: redirects to another host, {sentence(ended.host, _HOST)}"
    return "a redirect that is not followed"
