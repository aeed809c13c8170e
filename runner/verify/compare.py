"""Compare two looks at a site: is it worse after the change?

A site is compared with its own state a moment before. Findings that were there before the change do not
count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.model import Seen
from runner.steps.front import FrontWay
from runner.untrusted import sentence
from runner.verify.baseline import filled
from runner.verify.inside import worse_inside
from runner.verify.sub_sites import worse_sub_sites
from runner.verify.worse import worse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.verify.baseline import Baseline
    from runner.verify.http import Sight
    from runner.verify.signals import Signals

__all__ = ["compare", "shut_since", "stale"]

_PATH = 120
"""Longest part of a path shown in a finding."""
_SHUT = frozenset({401, 403})
"""Statuses that refuse every visitor, also when the web server cannot read its files."""


def compare(before: Signals, after: Signals) -> tuple[str, ...]:
    """Return what is worse after a change, each sentence with the first page it applies to."""
    found: dict[str, str] = {}
    # a site that does not answer has fewer sights
    for number, (old, new) in enumerate(zip(before.sights, after.sights, strict=False)):
        for regression in _worse(old, new, _noise(before, number), before.baseline):
            found.setdefault(regression, new.page.page)
    for old, new, noise in zip(before.plain, after.plain, before.visitors, strict=False):
        for regression in _worse(old, new, (noise,), before.baseline, noise.page.page):
            found.setdefault(regression, new.page.page)
    broken = [path for path, status in after.stylesheets.items() if _broken(status)]
    lost = [
        f"the stylesheet {sentence(path, _PATH)} answers {after.stylesheets[path]}"
        for path in broken
        if not _broken(before.stylesheets.get(path))
    ]
    others = worse_sub_sites(before.sub_sites, after.sub_sites)
    own = worse_inside(before.inside, after.inside)
    return (*(f"{page}: {regression}" for regression, page in found.items()), *lost, *others, *own)


def shut_since(before: Signals, now: Signals) -> str:
    """Return a sentence about a page that visitors could see before and are refused now; empty if none.

    If the host still gets the page from its own web server, a firewall refuses it and the site is healthy.
    """
    if now.inside is not None and now.inside.seen and now.inside.front.way is FrontWay.WEB:
        return ""
    was = {sight.page.page: sight.page.status for sight in before.visitors if sight.page.seen is Seen.SEEN}
    for sight in now.visitors:
        page = sight.page
        if page.seen is Seen.REFUSED and page.status in _SHUT and page.page in was:
            return f"{page.page} answers {page.status}; it was {was[page.page]}"
    return ""


def stale(before: Signals, after: Signals) -> bool:
    """Whether a site is worse only in answers from caches."""
    return bool(after.plain and compare(before, after)) and not compare(before, replace(after, plain=()))


def _worse(old: Sight, new: Sight, noise: Sequence[Sight], baseline: Baseline, page: str = "") -> list[str]:
    usual = baseline.of(page or old.page.page)
    return [] if filled(old, new, baseline) else worse(old, new, noise, usual=usual)


def _noise(before: Signals, number: int) -> tuple[Sight, ...]:
    """Return the other look at the same page: what differs between the two varies by itself."""
    pages = len(before.visitors)
    behind = before.uncached[:pages]
    if number < pages:
        return behind[number : number + 1]
    return before.visitors[number - pages : number - pages + 1] if number < 2 * pages else ()


def _broken(status: int | None) -> bool:
    return status is not None and status >= 400 and status != 429  # noqa: PLR2004
