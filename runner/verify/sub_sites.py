"""Check the other sites of a multisite network before and after a change that affects all of them.

Their URLs come from WordPress, not from the inventory. They are requested at the host of the inventory or at
public addresses, and at private addresses only if `private` is set for the site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from runner.model import Site
from runner.verify.http import PageCheck, PageChecker, PageRequest
from runner.verify.judge import Expectation, judge
from runner.verify.regressions import regressions
from runner.verify.requests import program_requests
from runner.web import Answer, Rules, parse_url

__all__ = ["check_sub_sites", "sub_site_regressions"]

_WITH_PROGRAM_REQUESTS = 3
"""Sites of which more than the front page is requested: the first ones, which are changed."""

MakeChecker = Callable[[Rules | None], PageChecker]
"""Creates a checker; None means the rules of the site itself."""


def check_sub_sites(
    site: Site, urls: Sequence[str], folder: str, make_checker: MakeChecker
) -> dict[str, PageCheck]:
    """Check the front page of each sub-site without caches, and REST and admin-ajax of the first few.

    Args:
        site: a site of the network.
        urls: URLs of the other sites.
        folder: subfolder of WordPress below each URL; empty for none.
        make_checker: creates a checker for given rules.

    Returns:
        The checks by URL; sites on the host of `site` come first.
    """
    home = parse_url(site.url)
    parsed_urls = {url: parsed for url in urls if (parsed := parse_url(url))}
    own = [url for url, parsed in parsed_urls.items() if home and parsed.origin == home.origin]
    mapped = [url for url in parsed_urls if url not in own]
    checks: dict[str, PageCheck] = {}
    mapped_rules = Rules.of(*mapped, private=True) if site.private else Rules.named_by_a_site(*mapped)
    for group, rules in ((own, None), (mapped, mapped_rules)):
        if group:
            requests = [
                request
                for url in group
                for request in _requests(url, folder, programs=url in urls[:_WITH_PROGRAM_REQUESTS])
            ]
            with make_checker(rules) as checker:
                names = (request.name for request in requests)
                checks |= zip(names, checker.check(requests), strict=True)
    return checks


def _requests(url: str, folder: str, *, programs: bool) -> Iterator[PageRequest]:
    yield PageRequest(url, url, _judge, known=True)
    for request in program_requests(url, folder) if programs else ():
        yield replace(request, name=request.url)


def sub_site_regressions(before: Mapping[str, PageCheck], after: Mapping[str, PageCheck]) -> Iterator[str]:
    """Yield what is worse on each sub-site, a sentence each with its URL."""
    for url, old in before.items():
        if url in after:
            yield from (f"{url}: {regression}" for regression in regressions(old, after[url]))


def _judge(answer: Answer) -> tuple[str, ...]:
    return judge(answer, Expectation())
