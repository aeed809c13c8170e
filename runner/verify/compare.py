"""Compare two checks of a site to find out whether it is worse after a change.

The site is compared with its own state just before. Findings from before the change do not count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.model import Seen
from runner.steps.front import FrontWay
from runner.untrusted import sentence
from runner.verify.baseline import is_filled
from runner.verify.inside import worse_inside
from runner.verify.regressions import regressions
from runner.verify.sub_sites import sub_site_regressions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.verify.baseline import Baseline
    from runner.verify.http import PageCheck
    from runner.verify.signals import Signals

__all__ = ["compare", "newly_refused", "stale"]

_PATH = 120
"""Longest part of a path shown in a finding."""
_NO_ACCESS = frozenset({401, 403})
"""Statuses that refuse every visitor, also when the web server cannot read its files."""


def compare(before: Signals, after: Signals) -> tuple[str, ...]:
    """Return what is worse after a change, each sentence with the first page it applies to."""
    found: dict[str, str] = {}
    # a site that does not answer has fewer checks
    for number, (old, new) in enumerate(zip(before.checks, after.checks, strict=False)):
        for regression in _regressions(old, new, _noise(before, number), before.baseline):
            found.setdefault(regression, new.page.page)
    for old, new, noise in zip(before.plain, after.plain, before.visitors, strict=False):
        for regression in _regressions(old, new, (noise,), before.baseline, noise.page.page):
            found.setdefault(regression, new.page.page)
    broken = [path for path, status in after.stylesheets.items() if _broken(status)]
    lost = [
        f"the stylesheet {sentence(path, _PATH)} answers {after.stylesheets[path]}"
        for path in broken
        if not _broken(before.stylesheets.get(path))
    ]
    sub_sites = sub_site_regressions(before.sub_sites, after.sub_sites)
    inside = worse_inside(before.inside, after.inside)
    return (*(f"{page}: {regression}" for regression, page in found.items()), *lost, *sub_sites, *inside)


def newly_refused(before: Signals, now: Signals) -> str:
    """Return a sentence about a page that visitors could see before and are refused now; empty if none.

    If the host still gets the page from its own web server, a firewall refuses it and the site is healthy.
    """
    if now.inside is not None and now.inside.seen and now.inside.front.way is FrontWay.WEB:
        return ""
    statuses = {
        check.page.page: check.page.status for check in before.visitors if check.page.seen is Seen.SEEN
    }
    for check in now.visitors:
        page = check.page
        if page.seen is Seen.REFUSED and page.status in _NO_ACCESS and page.page in statuses:
            return f"{page.page} answers {page.status}; it was {statuses[page.page]}"
    return ""


def stale(before: Signals, after: Signals) -> bool:
    """Whether a site is worse only in answers from caches."""
    return bool(after.plain and compare(before, after)) and not compare(before, replace(after, plain=()))


def _regressions(
    old: PageCheck, new: PageCheck, noise: Sequence[PageCheck], baseline: Baseline, page: str = ""
) -> list[str]:
    usual = baseline.of(page or old.page.page)
    return [] if is_filled(old, new, baseline) else regressions(old, new, noise, usual=usual)


def _noise(before: Signals, number: int) -> tuple[PageCheck, ...]:
    """Return the other check of the same page: differences between the two are normal variation."""
    pages = len(before.visitors)
    uncached = before.uncached[:pages]
    if number < pages:
        return uncached[number : number + 1]
    return before.visitors[number - pages : number - pages + 1] if number < 2 * pages else ()


def _broken(status: int | None) -> bool:
    return status is not None and status >= 400 and status != 429  # noqa: PLR2004
