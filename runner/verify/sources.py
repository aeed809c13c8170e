"""Find the documents of a site that programs read: feeds, sitemaps and cron."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.model import SiteKind
from runner.untrusted import sentence
from runner.verify.http import PageRequest, address
from runner.verify.machine_readable import first_child, sitemaps
from runner.verify.regressions import CHILD
from runner.web import Answer, below, parse_url

if TYPE_CHECKING:
    from runner.model import Site

__all__ = ["Sources", "find_sources"]

_SERVER_ERROR = 500
_LIMIT = 2
"""Most feeds, and most sitemaps, that are requested."""
_COMMENTS = "/comments/feed"
"""The feed of comments, which WordPress generates like its first feed. It is not requested."""
_PATH = 120
"""Longest part of a path shown in a page name."""


@dataclass(frozen=True, slots=True)
class Sources:
    """URLs from before a change: the site may list fewer after it."""

    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    """Sitemaps that an index lists. A new name is no regression."""
    cron: tuple[str, ...] = ()

    def requests(self) -> Iterator[PageRequest]:
        """Yield the requests for all of them."""
        for kind, urls in (
            ("the feed ", self.feeds),
            ("the sitemap ", self.sitemaps),
            (CHILD, self.children),
            ("the cron ", self.cron),
        ):
            for url in urls:
                parsed = parse_url(url)
                if parsed is not None:
                    yield PageRequest(f"{kind}{sentence(parsed.path, _PATH)}", url, _judge, machine=True)


def find_sources(
    site: Site, folder: str, linked: Sequence[str], fetch: Callable[[str], Answer]
) -> Sources | None:
    """Return what the front page and `robots.txt` name, or WordPress's default URLs; None for static sites.

    Args:
        site: the site. URLs that are not below its own are left out.
        folder: subfolder of WordPress; empty for none.
        linked: feeds that the front page links to.
        fetch: requests a URL.
    """
    if site.kind is not SiteKind.WORDPRESS:
        return None
    home = parse_url(site.url)
    robots = fetch(address(site.url, "robots.txt"))

    def own(urls: Sequence[str], default: str) -> tuple[str, ...]:
        found = [url for url in urls if home and (parsed := parse_url(url)) and below(parsed, home)]
        return tuple(found[:_LIMIT]) or (address(site.url, default),)

    # with a wrong lock in the query, wp-cron.php does nothing
    cron = address(site.url, f"{folder}wp-cron.php?doing_wp_cron=sitecrew")
    feeds = own([url for url in linked if _COMMENTS not in url], "feed/")
    maps = own(sitemaps(robots), "wp-sitemap.xml")
    child = first_child(fetch(maps[0]))
    is_own = home and (parsed := parse_url(child)) and below(parsed, home)
    return Sources(feeds, maps, (child,) if is_own else (), (cron,))


def _judge(answer: Answer) -> tuple[str, ...]:
    """Judge a document. It may be missing; only an error is a finding."""
    if answer.failure:
        return () if answer.status else (answer.failure,)
    return (f"answers {answer.status}",) if (answer.status or 0) >= _SERVER_ERROR else ()
