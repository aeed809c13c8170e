"""Finding what broke a batch: which of its items stay, which are culprits. Pure: the caller tries and tells.

A group is tried on top of what has been kept so far. When it fails it is taken back and halved; a half that
is well stays. What fails only together with something that is kept is a culprit, and its partner stays.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Found", "search"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The end of a search; both in the order of the items."""

    kept: tuple[T, ...]
    culprits: tuple[T, ...]


def search(items: Sequence[T]) -> Generator[tuple[T, ...], bool, Found[T]]:
    """Yields a group to try on top of what was kept; wants to be sent whether the site is well with it.

    One culprit among n costs about 2 log2(n) + 2 tries. A group that was not well must have been taken back
    before the answer is sent.
    """
    kept: list[T] = []
    culprits: list[T] = []
    if items:
        yield from _settle(tuple(items), kept, culprits)
    order = {id(item): number for number, item in enumerate(items)}

    def sort(found: list[T]) -> tuple[T, ...]:
        return tuple(sorted(found, key=lambda item: order[id(item)]))

    return Found(sort(kept), sort(culprits))


def _settle(group: tuple[T, ...], kept: list[T], culprits: list[T]) -> Generator[tuple[T, ...], bool, None]:
    """Try a group; keep it, or find out what in it is to blame."""
    if (yield group):
        kept.extend(group)
    elif len(group) == 1:
        culprits.extend(group)
    else:
        yield from _halve(group, kept, culprits)


def _halve(group: tuple[T, ...], kept: list[T], culprits: list[T]) -> Generator[tuple[T, ...], bool, None]:
    """Settle a group that is known to fail on top of what is kept."""
    middle = len(group) // 2
    left, right = group[:middle], group[middle:]
    if not (yield left):
        if len(left) == 1:
            culprits.extend(left)
        else:
            yield from _halve(left, kept, culprits)
        yield from _settle(right, kept, culprits)
        return
    kept.extend(left)
    if len(right) == 1:  # tried by itself too, so that what is held against it was seen
        yield from _settle(right, kept, culprits)
    else:
        yield from _halve(right, kept, culprits)
