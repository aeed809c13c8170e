"""Measuring how long pages take, one request after the other, past their caches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.verify.access import NO_KEYS
from runner.verify.http import Looker, address

if TYPE_CHECKING:
    from runner.model import Site

__all__ = ["sample"]

_EACH = 5
_PAGES = 3
_LONGEST = 20.0
"""Seconds for all of them."""


def sample(
    site: Site, *, pages: Sequence[str] = (), limit: float = 8.0, keys: Mapping[str, str] = NO_KEYS
) -> dict[str, tuple[float, ...]]:
    """Seconds of several answers of the first pages; fewer where they take long, none of one that fails.

    Args:
        site: where.
        pages: which; the first of the site's where none are named.
        limit: seconds for one request.
        keys: headers that let us in.
    """
    found: dict[str, list[float]] = {page: [] for page in (pages or site.pages)[:_PAGES]}
    end = time.monotonic() + _LONGEST
    with Looker(site, limit, keys=keys) as looker:
        for _ in range(_EACH):
            for page, seconds in found.items():
                if time.monotonic() > end:
                    break
                began = time.monotonic()
                if looker.fetch(address(site.url, page), known=True).status is not None:
                    seconds.append(round(time.monotonic() - began, 3))
    return {page: tuple(seconds) for page, seconds in found.items() if seconds}
