"""Where the documents are that a site has for programs: its feeds, its sitemaps, its cron."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.model import SiteKind
from runner.untrusted import sentence
from runner.verify.http import Ask, address
from runner.verify.machines import first_child, sitemaps
from runner.verify.worse import CHILD
from runner.web import Answer, below, split

if TYPE_CHECKING:
    from runner.model import Site

__all__ = ["Sources", "find_sources"]

_SERVER_ERROR = 500
_EACH = 2
"""So many feeds are asked for, and so many sitemaps."""
_COMMENTS = "/comments/feed"
"""WordPress names it beside its first feed, and makes both in the same way."""
_PATH = 120


@dataclass(frozen=True, slots=True)
class Sources:
    """Addresses, as they were before a change: what is named after it may be fewer."""

    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    """Sitemaps that an index names: another name of one is no loss."""
    cron: tuple[str, ...] = ()

    def asks(self) -> Iterator[Ask]:
        """The questions to them."""
        for kind, urls in (
            ("the feed ", self.feeds),
            ("the sitemap ", self.sitemaps),
            (CHILD, self.children),
            ("the cron ", self.cron),
        ):
            for url in urls:
                place = split(url)
                if place is not None:
                    yield Ask(f"{kind}{sentence(place.path, _PATH)}", url, _answers, machine=True)


def find_sources(
    site: Site, folder: str, named: Sequence[str], fetch: Callable[[str], Answer]
) -> Sources | None:
    """What the first page and `robots.txt` name, or else where WordPress has it; None for other sites.

    Args:
        site: whose; addresses that are not below its own are left out.
        folder: of WordPress below the site's address.
        named: feeds that the front page names.
        fetch: asks for an address.
    """
    if site.kind is not SiteKind.WORDPRESS:
        return None
    home = split(site.url)
    robots = fetch(address(site.url, "robots.txt"))

    def own(urls: Sequence[str], usual: str) -> tuple[str, ...]:
        found = [url for url in urls if home and (place := split(url)) and below(place, home)]
        return tuple(found[:_EACH]) or (address(site.url, usual),)

    # cron does nothing for a caller that does not hold its lock
    cron = address(site.url, f"{folder}wp-cron.php?doing_wp_cron=sitecrew")
    feeds = own([url for url in named if _COMMENTS not in url], "feed/")
    maps = own(sitemaps(robots), "wp-sitemap.xml")
    child = first_child(fetch(maps[0]))
    mine = home and (place := split(child)) and below(place, home)
    return Sources(feeds, maps, (child,) if mine else (), (cron,))


def _answers(answer: Answer) -> tuple[str, ...]:
    """One that is not there is none; only an error is a finding."""
    if answer.failure:
        return () if answer.status else (answer.failure,)
    return (f"answers {answer.status}",) if (answer.status or 0) >= _SERVER_ERROR else ()
