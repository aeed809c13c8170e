"""List the packages of a server as one update: clients do not need each of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from runner.model import ItemKind
from runner.report.data import CompletedUpdate, Issue, PackagePart

__all__ = ["group_done", "group_undone"]

T = TypeVar("T", CompletedUpdate, Issue)


def group_done(found: Iterable[CompletedUpdate]) -> tuple[CompletedUpdate, ...]:
    """Group the packages that one run updated on one server; the group takes the place of the first."""
    return _group(found, lambda one: (one.site, one.run))


def group_undone(found: Iterable[Issue]) -> tuple[Issue, ...]:
    """Group packages with the same outcome for the same reason."""
    return _group(found, lambda one: (one.site, one.outcome, one.why, one.uncertain, one.at[-1], one.solved))


def _group(found: Iterable[T], key_of: Callable[[T], Hashable]) -> tuple[T, ...]:
    groups: dict[Hashable, list[T]] = {}
    for number, one in enumerate(found):
        key = key_of(one) if one.kind is ItemKind.PACKAGE else number
        groups.setdefault(key, []).append(one)
    return tuple(_merged(group) if len(group) > 1 else group[0] for group in groups.values())


def _merged(group: list[T]) -> T:
    parts = tuple(
        sorted(
            (PackagePart(one.item, one.from_version, one.to_version) for one in group),
            key=lambda part: part.item,
        )
    )
    return replace(group[0], item="packages", title="", from_version="", to_version="", parts=parts)
