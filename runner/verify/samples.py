"""Measure how long pages take, with one request at a time and without caches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.verify.access import NO_HEADERS
from runner.verify.http import PageChecker, Timing, address

if TYPE_CHECKING:
    from runner.model import Site

__all__ = ["sample"]

_REQUESTS = 5
_PAGES = 3
_LONGEST = 20.0
"""Seconds for all requests."""


def sample(
    site: Site, *, pages: Sequence[str] = (), limit: float = 8.0, credentials: Mapping[str, str] = NO_HEADERS
) -> dict[str, tuple[float, ...]]:
    """Return the seconds of several answers, by page. Slow pages have fewer, failed requests are left out.

    Args:
        site: the site.
        pages: paths below the site's URL; only the first few are measured. By default those of the site.
        limit: seconds for one request.
        credentials: headers that give access to the site.
    """
    measured: dict[str, list[float]] = {page: [] for page in (pages or site.pages)[:_PAGES]}
    end = time.monotonic() + _LONGEST
    with PageChecker(site, Timing(limit=limit), credentials=credentials) as checker:
        for _ in range(_REQUESTS):
            for page, seconds in measured.items():
                if time.monotonic() > end:
                    break
                started = time.monotonic()
                if checker.fetch(address(site.url, page), known=True).status is not None:
                    seconds.append(round(time.monotonic() - started, 3))
    return {page: tuple(seconds) for page, seconds in measured.items() if seconds}
