"""Bisection of a batch: which items can be kept, and which are culprits. Pure: the caller runs the trials.

A group is tried on top of the items kept so far. If it fails, it is rolled back and split until a single
culprit is left; the items set aside on the way are then tried together. An item that fails only together with
a kept item is a culprit; the kept one stays.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Bisection", "GroupResult", "bisect"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GroupResult(Generic[T]):
    """The result of the trial of a group. If it failed, the group has been rolled back."""

    healthy: bool
    suspects: tuple[T, ...] = ()
    """Items that the failure points to. They are tried first, never blamed without a trial."""


@dataclass(frozen=True, slots=True)
class Bisection(Generic[T]):
    """The result of a bisection, in the order of the items."""

    kept: tuple[T, ...]
    culprits: tuple[T, ...]


_Trials: TypeAlias = Generator[tuple[T, ...], GroupResult[T], Bisection[T]]


def bisect(items: Sequence[T]) -> _Trials[T]:
    """Yield groups to try on top of the kept items; expects the result of each trial to be sent.

    One culprit among n items takes about log2(n) + 3 trials, or 3 if the failure points to it; each further
    culprit takes as many again.
    """
    kept: list[T] = []
    culprits: list[T] = []
    rest = tuple(items)
    while rest:
        tried = yield rest
        if tried.healthy:
            kept += rest
            break
        rest = yield from _isolate_culprit(rest, tried, kept, culprits)

    def in_order(found: list[T]) -> tuple[T, ...]:
        return tuple(item for item in items if any(item is one for one in found))

    return Bisection(in_order(kept), in_order(culprits))


def _isolate_culprit(
    group: tuple[T, ...], tried: GroupResult[T], kept: list[T], culprits: list[T]
) -> Generator[tuple[T, ...], GroupResult[T], tuple[T, ...]]:
    """Find one culprit in a group that failed; return the items set aside, which are still untested."""
    aside: list[T] = []
    while len(group) > 1:
        first, second = _split(group, tried.suspects)
        tried = yield first
        if not tried.healthy:
            group = first
            aside += second
            continue
        kept += first
        group = second
        if len(group) == 1:  # try it alone too, so that its failure was observed
            tried = yield group
            if tried.healthy:
                kept += group
                return tuple(aside)
        else:
            tried = GroupResult(healthy=False)
    culprits += group
    return tuple(aside)


def _split(group: tuple[T, ...], suspects: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Split into suspects and others, or if none or all are suspected, into a smaller and a larger part.

    A failed trial needs two health checks (before and after the rollback), a successful one only one. With
    two fifths first, both branches cost about the same.
    """
    suspected = tuple(item for item in group if any(item is one for one in suspects))
    if 0 < len(suspected) < len(group):
        return suspected, tuple(item for item in group if not any(item is one for one in suspected))
    middle = max(1, len(group) * 2 // 5)
    return group[:middle], group[middle:]
