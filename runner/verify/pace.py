"""Whether a site has become slower. Pure: seconds go in, a sentence comes out.

A site is compared with itself: medians, and by how much its answers vary anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from runner.model import Slowdown

__all__ = ["FEW", "could_be", "slower", "slowest"]

FEW = 3
"""So many measurements, at least, say something."""
_TIMES = 2.0
_SECONDS = 1.0
"""Beyond what the site varies by itself: a visitor notices."""


def could_be(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether a few answers give reason to measure: each of them is slower than any was before."""
    return bool(before) and bool(after) and min(after) > max(before) + _SECONDS


def slower(page: str, before: Sequence[float], after: Sequence[float]) -> Slowdown | None:
    """The slowdown of a page, or None.

    It takes more than twice as long, and more than a second longer than its own spread explains.

    Args:
        page: its name.
        before: seconds of several answers.
        after: the same, later.
    """
    if min(len(before), len(after)) < FEW:
        return None
    old, new = median(before), median(after)
    spread = max(before) - min(before)
    if new > _TIMES * old and new - old > _SECONDS + spread:
        return Slowdown(page=page, before=old, after=new)
    return None


def slowest(before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]) -> Slowdown | None:
    """The page that lost most; None where none has become slower."""
    found = [one for page in before if (one := slower(page, before[page], after.get(page, ()))) is not None]
    return max(found, key=lambda one: one.after - one.before, default=None)
