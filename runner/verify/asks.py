"""The requests of a look, and how each answer is judged.

Page caches are bypassed in three ways: with a new query string, with cookies that caches let through, and by
requesting a page that does not exist.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from runner.model import Rest, Site, SiteKind
from runner.verify.causes import REST, closed_rest
from runner.verify.http import Ask, Sight, address, page_ask
from runner.verify.judge import Expectation, judge
from runner.verify.machines import json_of
from runner.web import Answer, below, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["NOWHERE", "ask_as_programs", "ask_behind_caches", "ask_pages", "own_stylesheets"]

NOWHERE = "a page that is not there"
_SERVER_ERROR = 500
_CONTENT = ("/?rest_route=/wp/v2/pages", "/?rest_route=/wp/v2/posts")
"""REST routes from which a headless front end reads its content."""


def ask_pages(site: Site) -> Iterator[Ask]:
    """Yield the requests for the pages as visitors get them."""
    for page in site.pages:
        yield page_ask(site, page, Expectation(text=site.expect))


def ask_behind_caches(site: Site, folder: str) -> Iterator[Ask]:
    """Yield the requests that reach WordPress past its caches."""
    if site.kind is not SiteKind.WORDPRESS:
        return
    for page in site.pages:
        name = f"{page} (uncached)"
        yield page_ask(site, page, Expectation(text=site.expect), known=True, name=name)
    yield Ask(NOWHERE, address(site.url, f"sitecrew-{secrets.token_hex(6)}/"), _nowhere)
    yield from ask_as_programs(site.url, folder, closed=site.rest is Rest.CLOSED)


def ask_as_programs(base: str, folder: str, *, closed: bool = False) -> Iterator[Ask]:
    """Yield the requests that only programs make to WordPress: REST and admin-ajax.

    Args:
        base: address of the site.
        folder: folder of WordPress below that, like `wp/`, if it has its own.
        closed: the inventory says that REST is closed; then only its root is requested.
    """
    judged = _closed_rest if closed else _rest
    yield Ask(REST, address(base, REST[1:]), judged, machine=True, silent=closed)
    for name in () if closed else _CONTENT:
        yield Ask(name, address(base, f"{name[1:]}&per_page=1"), _content, machine=True)
    ajax = f"{folder}wp-admin/admin-ajax.php?action=sitecrew_look"
    yield Ask(f"/{ajax}", address(base, ajax), _ajax, machine=True)


def _nowhere(answer: Answer) -> tuple[str, ...]:
    """Judge the theme's 404 page, which no cache can have. Only an error is a finding."""
    return judge(answer, Expectation(status=(answer.status if _works(answer) else None) or 404))


def _works(answer: Answer) -> bool:
    return answer.status is not None and answer.status < _SERVER_ERROR


_NOT_JSON = ("the REST API answers with something that is not JSON",)


def _rest(answer: Answer) -> tuple[str, ...]:
    """Judge the REST root. Switched off (401, 403, 404) is no finding; an answer that is not JSON is."""
    if not _works(answer):
        return judge(answer, Expectation())
    if answer.status != 200:  # noqa: PLR2004
        return ()
    root = json_of(answer.body)
    if root is None:
        return _NOT_JSON
    return () if isinstance(root, dict) else ("the REST API answers with something other than its root",)


def _content(answer: Answer) -> tuple[str, ...]:
    """Judge a REST route. It may be switched off; only an error is a finding."""
    return () if _works(answer) else judge(answer, Expectation())


def _closed_rest(answer: Answer) -> tuple[str, ...]:
    """Judge the REST root of a site whose inventory says that REST is closed."""
    if closed_rest(answer):
        return ()
    if answer.failure or not _works(answer):
        return judge(answer, Expectation())
    return ("REST is open, but the inventory says that it is closed",)


def _ajax(answer: Answer) -> tuple[str, ...]:
    """Judge admin-ajax: WordPress answers 400 to an unknown action, a firewall maybe 403; both are fine."""
    return () if _works(answer) else (f"answers {answer.status}: wp-admin does not work",)


def own_stylesheets(site: Site, visitors: Sequence[Sight]) -> Iterator[str]:
    """Yield the addresses of stylesheets that the site serves itself."""
    home = split(site.url)
    for url in dict.fromkeys(url for sight in visitors for url in sorted(sight.traits.stylesheets)):
        place = split(url)
        if place and home and below(place, home):
            yield url
