"""The requests of a health check, and how each answer is judged.

Page caches are bypassed in three ways: with a new query string, with cookies that caches let through, and by
requesting a page that does not exist.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from runner.model import Rest, Site, SiteKind
from runner.verify.causes import REST, closed_rest
from runner.verify.http import PageCheck, PageRequest, address, page_request
from runner.verify.judge import Expectation, judge
from runner.verify.machine_readable import json_of
from runner.web import Answer, below, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MISSING_PAGE", "own_stylesheets", "page_requests", "program_requests", "uncached_requests"]

MISSING_PAGE = "a missing page"
_SERVER_ERROR = 500
_CONTENT = ("/?rest_route=/wp/v2/pages", "/?rest_route=/wp/v2/posts")
"""REST routes from which headless front ends read content."""


def page_requests(site: Site) -> Iterator[PageRequest]:
    """Yield the requests for the pages of the site."""
    for page in site.pages:
        yield page_request(site, page, Expectation(text=site.expect))


def uncached_requests(site: Site, folder: str) -> Iterator[PageRequest]:
    """Yield the requests that bypass the caches of WordPress."""
    if site.kind is not SiteKind.WORDPRESS:
        return
    for page in site.pages:
        name = f"{page} (uncached)"
        yield page_request(site, page, Expectation(text=site.expect), known=True, name=name)
    yield PageRequest(MISSING_PAGE, address(site.url, f"sitecrew-{secrets.token_hex(6)}/"), _missing_page)
    yield from program_requests(site.url, folder, closed=site.rest is Rest.CLOSED)


def program_requests(base: str, folder: str, *, closed: bool = False) -> Iterator[PageRequest]:
    """Yield the requests for REST and admin-ajax, which only programs use.

    Args:
        base: URL of the site.
        folder: subfolder of WordPress, such as `wp/`; empty for none.
        closed: REST is closed according to the inventory. Then only its root is requested.
    """
    judge_rest = _closed_rest if closed else _rest
    yield PageRequest(REST, address(base, REST[1:]), judge_rest, machine=True, may_fail=closed)
    for name in () if closed else _CONTENT:
        yield PageRequest(name, address(base, f"{name[1:]}&per_page=1"), _content, machine=True)
    ajax = f"{folder}wp-admin/admin-ajax.php?action=sitecrew_look"
    yield PageRequest(f"/{ajax}", address(base, ajax), _ajax, machine=True)


def _missing_page(answer: Answer) -> tuple[str, ...]:
    """Judge the theme's 404 page, which is never cached. Only an error is a finding."""
    return judge(answer, Expectation(status=(answer.status if _works(answer) else None) or 404))


def _works(answer: Answer) -> bool:
    return answer.status is not None and answer.status < _SERVER_ERROR


_NOT_JSON = ("the REST API returns something other than JSON",)


def _rest(answer: Answer) -> tuple[str, ...]:
    """Judge the REST root. Disabled REST (401, 403, 404) is no finding; an answer that is not JSON is."""
    if not _works(answer):
        return judge(answer, Expectation())
    if answer.status != 200:  # noqa: PLR2004
        return ()
    root = json_of(answer.body)
    if root is None:
        return _NOT_JSON
    return () if isinstance(root, dict) else ("the REST API does not return its index",)


def _content(answer: Answer) -> tuple[str, ...]:
    """Judge a REST route. It may be disabled, so only an error is a finding."""
    return () if _works(answer) else judge(answer, Expectation())


def _closed_rest(answer: Answer) -> tuple[str, ...]:
    """Judge the REST root of a site whose REST is closed according to the inventory."""
    if closed_rest(answer):
        return ()
    if answer.failure or not _works(answer):
        return judge(answer, Expectation())
    return ("REST is open, but the inventory declares it closed",)


def _ajax(answer: Answer) -> tuple[str, ...]:
    """Judge admin-ajax. WordPress answers 400 to an unknown action, a firewall 403; both are fine."""
    return () if _works(answer) else (f"answers {answer.status}: wp-admin does not work",)


def own_stylesheets(site: Site, visitors: Sequence[PageCheck]) -> Iterator[str]:
    """Yield the URLs of stylesheets that the site serves itself."""
    home = parse_url(site.url)
    for url in dict.fromkeys(url for check in visitors for url in sorted(check.traits.stylesheets)):
        parsed = parse_url(url)
        if parsed and home and below(parsed, home):
            yield url
