"""Find out whether a site has become slower. Pure functions.

A site is compared with itself, by medians and the normal variation of its response times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from runner.model import Slowdown

__all__ = ["FEWEST", "may_be_slower", "slower", "slowest"]

FEWEST = 3
"""Fewest measurements for a verdict."""
_TIMES = 2.0
_SECONDS = 1.0
"""A slowdown beyond the normal variation that visitors notice."""


def may_be_slower(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether the page should be measured: each answer is slower than all before the change."""
    return bool(before) and bool(after) and min(after) > max(before) + _SECONDS


def slower(page: str, before: Sequence[float], after: Sequence[float]) -> Slowdown | None:
    """Return the slowdown of a page, or None.

    A slow page takes more than twice as long, and over a second longer than its variation explains.

    Args:
        page: name of the page.
        before: seconds of several answers before the change.
        after: seconds of several answers after it.
    """
    if min(len(before), len(after)) < FEWEST:
        return None
    old, new = median(before), median(after)
    spread = max(before) - min(before)
    if new > _TIMES * old and new - old > _SECONDS + spread:
        return Slowdown(page=page, before=old, after=new)
    return None


def slowest(before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]) -> Slowdown | None:
    """Return the largest slowdown of a page; None if no page is slower."""
    found = [one for page in before if (one := slower(page, before[page], after.get(page, ()))) is not None]
    return max(found, key=lambda one: one.after - one.before, default=None)
