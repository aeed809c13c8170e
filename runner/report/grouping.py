"""A server's packages are told as one: a client cares that they were done, not that they are fourteen."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from runner.model import ItemKind
from runner.report.data import Done, Part, Undone

__all__ = ["done_together", "undone_together"]

T = TypeVar("T", Done, Undone)


def done_together(found: Iterable[Done]) -> tuple[Done, ...]:
    """The packages that one run brought to one server as one update, where the first of them stood."""
    return _together(found, lambda one: (one.site, one.run))


def undone_together(found: Iterable[Undone]) -> tuple[Undone, ...]:
    """Packages that came to the same end for the same reason as one point."""
    return _together(
        found, lambda one: (one.site, one.outcome, one.why, one.uncertain, one.at[-1], one.solved)
    )


def _together(found: Iterable[T], alike: Callable[[T], Hashable]) -> tuple[T, ...]:
    groups: dict[Hashable, list[T]] = {}
    for number, one in enumerate(found):
        key = alike(one) if one.kind is ItemKind.PACKAGE else number
        groups.setdefault(key, []).append(one)
    return tuple(_as_one(group) if len(group) > 1 else group[0] for group in groups.values())


def _as_one(group: list[T]) -> T:
    parts = tuple(
        sorted(
            (Part(one.item, one.from_version, one.to_version) for one in group), key=lambda part: part.item
        )
    )
    return replace(group[0], item="packages", title="", from_version="", to_version="", parts=parts)
