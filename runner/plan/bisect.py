"""Finding what broke a batch: which of its items stay, which are culprits. Pure: the caller tries and tells.

A group is tried on top of what has been kept so far. When it fails it is taken back and split until one
culprit stands alone; what was put aside on the way is then tried together. What fails only together with
something that is kept is a culprit, and its partner stays.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Found", "Tried", "search"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried(Generic[T]):
    """What came of trying a group; one that was not well has been taken back."""

    well: bool
    suspects: tuple[T, ...] = ()
    """What the failure itself points at: a hint where to look first, never believed without a try."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The end of a search; both in the order of the items."""

    kept: tuple[T, ...]
    culprits: tuple[T, ...]


Search: TypeAlias = Generator[tuple[T, ...], Tried[T], Found[T]]


def search(items: Sequence[T]) -> Search[T]:
    """Yields a group to try on top of what was kept; wants to be sent what came of it.

    One culprit among n costs about log2(n) + 3 tries, or 3 where the failure points at it; each further one
    as much again.
    """
    kept: list[T] = []
    culprits: list[T] = []
    rest = tuple(items)
    while rest:
        tried = yield rest
        if tried.well:
            kept += rest
            break
        rest = yield from _corner(rest, tried, kept, culprits)

    def sort(found: list[T]) -> tuple[T, ...]:
        return tuple(item for item in items if any(item is one for one in found))

    return Found(sort(kept), sort(culprits))


def _corner(
    group: tuple[T, ...], tried: Tried[T], kept: list[T], culprits: list[T]
) -> Generator[tuple[T, ...], Tried[T], tuple[T, ...]]:
    """Find one culprit in a group that failed; returns what was put aside, of which nothing is known yet."""
    aside: list[T] = []
    while len(group) > 1:
        first, second = _split(group, tried.suspects)
        tried = yield first
        if not tried.well:
            group = first
            aside += second
            continue
        kept += first
        group = second
        if len(group) == 1:  # tried by itself too, so that what is held against it was seen
            tried = yield group
            if tried.well:
                kept += group
                return tuple(aside)
        else:
            tried = Tried(well=False)
    culprits += group
    return tuple(aside)


def _split(group: tuple[T, ...], suspects: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """The suspects and the others; where nobody or everybody is suspected, the smaller part first.

    A try that fails is looked at twice, before it is taken back and after, one that succeeds once: with two
    fifths first, both ways down cost about the same.
    """
    suspected = tuple(item for item in group if any(item is one for one in suspects))
    if 0 < len(suspected) < len(group):
        return suspected, tuple(item for item in group if not any(item is one for one in suspected))
    middle = max(1, len(group) * 2 // 5)
    return group[:middle], group[middle:]
