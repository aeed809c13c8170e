"""Why a page may look broken on purpose, and what is broken beyond doubt. Pure: an answer goes in."""

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
"""How the causes begin that show strangers something else than the site."""


def cause(answer: Answer) -> str:
    """What an answer that looks like an error is where it may be meant; empty where it is neither."""
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
    """Whether a page shows strangers that there is a site, and not the site: members see another one."""
    return cause.startswith((_MEMBERS, _SOON))


def broken(answer: Answer) -> bool:
    """Whether PHP or WordPress dies there, whatever the status says."""
    return dies(answer.body) or breaks(answer.body)


def closed_rest(answer: Answer) -> str:
    """As `cause`, of the root of REST where it does not answer with what it has."""
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
    """What two addresses of one route have in common, whatever else is in their queries."""
    return place.host, place.path.rstrip("/"), "rest_route=" in place.target


def landing(answer: Answer) -> str:
    """Where redirects led to: a path without the last slash, after the host where that is another."""
    asked, ended = split(answer.asked), split(answer.url)
    if ended is None:
        return ""
    away = asked is not None and asked.host.removeprefix("www.") != ended.host.removeprefix("www.")
    return f"{ended.host if away else ''}{ended.path.rstrip('/')}"


def _redirect(answer: Answer) -> str:
    asked, ended = split(answer.asked), split(answer.url)
    if asked and ended and asked.host != ended.host:
        return f"headless: leads to another host, {sentence(ended.host, _HOST)}"
    return "a redirect that is not followed"
