"""Whether a site is worse than it was.

A site is compared with itself a moment before, not with an ideal: what was wrong before is not our doing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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

__all__ = ["compare", "stale"]

_PATH = 120
"""Characters of a path that a page names."""


def compare(before: Signals, after: Signals) -> tuple[str, ...]:
    """What is worse than it was, a sentence each with the first page it holds for; empty when nothing is."""
    found: dict[str, str] = {}
    # who does not answer has fewer sights
    for number, (old, new) in enumerate(zip(before.sights, after.sights, strict=False)):
        for said in _worse(old, new, _noise(before, number), before.baseline):
            found.setdefault(said, new.page.page)
    for old, new, noise in zip(before.plain, after.plain, before.visitors, strict=False):
        for said in _worse(old, new, (noise,), before.baseline, noise.page.page):
            found.setdefault(said, new.page.page)
    broken = [path for path, status in after.stylesheets.items() if _broken(status)]
    lost = [
        f"the stylesheet {sentence(path, _PATH)} answers {after.stylesheets[path]}"
        for path in broken
        if not _broken(before.stylesheets.get(path))
    ]
    others = worse_sub_sites(before.sub_sites, after.sub_sites)
    own = worse_inside(before.inside, after.inside)
    return (*(f"{page}: {said}" for said, page in found.items()), *lost, *others, *own)


def stale(before: Signals, after: Signals) -> bool:
    """Whether a site is worse only where caches answer."""
    return bool(after.plain and compare(before, after)) and not compare(before, replace(after, plain=()))


def _worse(old: Sight, new: Sight, noise: Sequence[Sight], baseline: Baseline, page: str = "") -> list[str]:
    usual = baseline.of(page or old.page.page)
    return [] if filled(old, new, baseline) else worse(old, new, noise, usual=usual)


def _noise(before: Signals, number: int) -> tuple[Sight, ...]:
    """The other look at the same page: how the two differ is how the page varies by itself."""
    pages = len(before.visitors)
    behind = before.uncached[:pages]
    if number < pages:
        return behind[number : number + 1]
    return before.visitors[number - pages : number - pages + 1] if number < 2 * pages else ()


def _broken(status: int | None) -> bool:
    return status is not None and status >= 400 and status != 429  # noqa: PLR2004
