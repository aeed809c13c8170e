"""A page cache before a site: nginx's own, set up as the usual guides for WordPress have it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.fleet import Fleet

__all__ = ["page_cache", "refresh"]


@contextmanager
def page_cache(fleet: Fleet, site: str) -> Iterator[None]:
    """Pages without a query, for visitors without cookies, are kept for a day."""
    fleet.web.cached.add(site)
    fleet.web.start_nginx()
    try:
        yield
    finally:
        fleet.web.cached.discard(site)
        fleet.web.start_nginx()


def refresh(fleet: Fleet, site: str) -> str:
    """A command that fetches the front page anew into the cache, for want of nginx's commercial purge."""
    return f"curl -sf -o /dev/null -H X-Refresh:1 {fleet.sites[site].url}/"
