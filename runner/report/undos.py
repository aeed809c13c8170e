"""What is in place, and what was undone by hand: items followed through work and undos.

An undo is a run of its own. It takes items back to the version before or, as the undo of an undo, gives them
the newer one again. A report that is made after an undo shows it, also when its period ended before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from runner.model import ItemKind, Outcome
from runner.record import ChangeView, History, Undo
from runner.report.data import About, Done, Undone
from runner.untrusted import sentence

__all__ = ["BAD", "WHY", "in_place", "key", "undone_by_hand", "version"]

BAD = frozenset({Outcome.LOST, Outcome.FAILED, Outcome.UNREACHABLE, Outcome.CANCELLED, Outcome.UNDONE})
WHY = 240
"""Characters of a reason."""
_VERSION = 40
_UNCOUNTED = frozenset({ItemKind.DATABASE, ItemKind.FILE})
"""A database follows its WordPress, and files that were synchronised are no updates."""
_IN_EFFECT = frozenset({Outcome.UNDONE, Outcome.CHANGED})
_TRIED = frozenset({Outcome.FAILED, Outcome.LOST})


@dataclass(slots=True)
class _Item:
    """One item of a site on its way through the period."""

    done: list[Done] = field(default_factory=list)
    """Updates that are in place, oldest first."""
    taken: list[Done] = field(default_factory=list)
    """Updates that were undone, the last one that was undone last."""
    misses: int = 0
    backs: list[ChangeView] = field(default_factory=list)
    """Undos that took it back."""
    solved: datetime | None = None
    """When it was updated again after the last of them."""
    failed: ChangeView | None = None
    """An undo that did not succeed, and none after it did."""

    def update(self, change: ChangeView) -> None:
        """What a run did that is no undo."""
        if change.outcome in BAD:
            self.misses += 1
        elif change.outcome is Outcome.CHANGED:
            self.done.append(replace(_done(change), attempts=1 + self.misses))
            self.misses, self.failed = 0, None
            if self.backs and self.solved is None:
                self.solved = change.finished

    def take_back(self, change: ChangeView, *, late: bool) -> None:
        """Older than the period, or part of it: what is newer than the version that is in place now."""
        gone = []
        while self.done and self.done[-1].to_version != version(change.to_version):
            gone.append(self.done.pop())
        if late and not gone:
            return
        self.taken += gone
        self.backs.append(change)
        self.solved, self.failed = None, None

    def install_again(self, change: ChangeView, *, late: bool) -> None:
        """What was undone up to the version that is in place now."""
        again: list[Done] = []
        while self.taken and (not again or again[-1].to_version != version(change.to_version)):
            again.append(self.taken.pop())
        if again:
            self._replace(version(change.from_version), again[0].from_version)
        self.done += again or ([] if late else [_done(change)])
        self.failed = None
        if self.backs:
            self.solved = change.finished

    def _replace(self, now: str, base: str) -> None:
        """Updates from `base` to the version that is in place now: another one takes their place."""
        while self.done and self.done[-1].to_version == now != base:
            now = self.done[-1].from_version
            self.taken.append(self.done.pop())


def in_place(history: History) -> tuple[Done, ...]:
    """Every update of the period that is in place, oldest first."""
    items = _items(history).values()
    return tuple(sorted((done for item in items for done in item.done), key=lambda done: done.at))


def undone_by_hand(history: History) -> Iterable[Undone]:
    """One point an item that was taken back by hand, and one that could not be."""
    for item in _items(history).values():
        if item.backs:
            yield _point(item.backs[-1], tuple(c.finished for c in item.backs), item.solved)
        if item.failed:
            yield _point(item.failed, (item.failed.finished,), None)
    databases = [c for c in _undos(history) if c.kind == ItemKind.DATABASE and c.finished < history.end]
    for change in databases:
        if change.outcome in _IN_EFFECT | _TRIED:
            yield _point(change, (change.finished,), None)


def key(change: ChangeView) -> tuple[str, str, str]:
    """Which item of which site."""
    return change.site, change.kind, change.item


def version(text: str) -> str:
    """A version, cut to what a version may have."""
    return sentence(text, _VERSION)


def _items(history: History) -> dict[tuple[str, str, str], _Item]:
    items: dict[tuple[str, str, str], _Item] = defaultdict(_Item)
    for change in (*history.changes, *history.later):
        item, late = items[key(change)], change.finished >= history.end
        if change.kind in _UNCOUNTED:
            continue
        if change.undo is None:
            item.update(change)
        elif change.outcome in _IN_EFFECT and change.undo is Undo.BACK:
            item.take_back(change, late=late)
        elif change.outcome in _IN_EFFECT:
            item.install_again(change, late=late)
        elif change.outcome in _TRIED and not late:
            item.failed = change
    return items


def _undos(history: History) -> Iterable[ChangeView]:
    return (change for change in history.changes if change.undo is not None)


def _done(change: ChangeView) -> Done:
    return Done(
        site=change.site,
        item=sentence(change.item),
        kind=ItemKind(change.kind),
        title=sentence(change.title or change.item),
        from_version=version(change.from_version),
        to_version=version(change.to_version),
        at=change.finished,
        run=change.run,
        why=sentence(change.why, WHY),
    )


def _point(change: ChangeView, at: tuple[datetime, ...], solved: datetime | None) -> Undone:
    """The versions are those of the undo: from what it found, to what it put in place."""
    failed = change.outcome in _TRIED
    return Undone(
        about=About.UNDO,
        outcome=change.outcome if failed else Outcome.UNDONE,
        at=at,
        site=change.site,
        item=sentence(change.item),
        kind=ItemKind(change.kind),
        title=sentence(change.title or change.item),
        from_version=version(change.from_version),
        to_version=version(change.to_version),
        why=sentence(change.why, WHY) if failed else "",
        solved=solved,
    )
