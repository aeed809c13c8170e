"""Updates that are in place, and updates that were undone by hand.

An undo is a run of its own. It restores the previous version of items or, if it undoes an undo, the newer
one. A report that is made after an undo shows it, even if the period of the report ended before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from runner.model import ItemKind, Outcome
from runner.record import ChangeView, History, Undo
from runner.report.data import About, CompletedUpdate, Issue
from runner.untrusted import sentence

__all__ = ["BAD", "WHY", "in_place", "key", "undone_by_hand", "version"]

BAD = frozenset({Outcome.LOST, Outcome.FAILED, Outcome.UNREACHABLE, Outcome.CANCELLED, Outcome.UNDONE})
WHY = 240
"""Maximum length of a reason."""
_VERSION = 40
_UNCOUNTED = frozenset({ItemKind.DATABASE, ItemKind.FILE})
"""Not counted as updates: a database belongs to its WordPress, and synchronised files have no version."""
_IN_EFFECT = frozenset({Outcome.UNDONE, Outcome.CHANGED})
_TRIED = frozenset({Outcome.FAILED, Outcome.LOST})


_Updates = tuple[CompletedUpdate, ...]


@dataclass(slots=True)
class _Item:
    """The history of one item of a site in the period."""

    done: _Updates = ()
    """Updates that are in place, oldest first."""
    known: list[_Updates] = field(default_factory=list)
    """For each update of the period, `done` right after it."""
    failures: int = 0
    undos: list[ChangeView] = field(default_factory=list)
    """Undos that restored an earlier version."""
    solved: datetime | None = None
    """When it was updated again after the last undo."""
    failed: ChangeView | None = None
    """A failed undo, unless a later one succeeded."""

    def update(self, change: ChangeView) -> None:
        """Apply a change of a run that is not an undo."""
        if change.outcome in BAD:
            self.failures += 1
        elif change.outcome is Outcome.CHANGED:
            self._add(*self.done, replace(_done(change), attempts=1 + self.failures))
            self.failures, self.failed = 0, None
            if self.undos and self.solved is None:
                self.solved = change.finished

    def undo(self, change: ChangeView, *, late: bool) -> None:
        """Apply an undo: its version and the updates that led to it are in place now."""
        before, self.done = self.done, self._updates_to(version(change.to_version)) or ()
        if late and before == self.done:
            return
        self.undos.append(change)
        self.solved, self.failed = None, None

    def redo(self, change: ChangeView, *, late: bool) -> None:
        """Apply the undo of an undo. The update that it brings back may be from before the period."""
        updates = self._updates_to(version(change.to_version))
        if updates is not None:
            self.done = updates
        elif not late:
            self._add(_done(change))
        self.failed = None
        if self.undos:
            self.solved = change.finished

    def _add(self, *done: CompletedUpdate) -> None:
        self.done = done
        self.known.append(done)

    def _updates_to(self, wanted: str) -> _Updates | None:
        """Return the updates that led to a version; None if none of the period did."""
        for number in reversed(range(len(self.done))):
            if self.done[number].to_version == wanted:
                return self.done[: number + 1]
            if self.done[number].from_version == wanted:
                return self.done[:number]
        return next((done for done in reversed(self.known) if done[-1].to_version == wanted), None)


def in_place(history: History) -> tuple[CompletedUpdate, ...]:
    """Return every update of the period that is in place, oldest first."""
    items = _items(history).values()
    return tuple(sorted((done for item in items for done in item.done), key=lambda done: done.at))


def undone_by_hand(history: History) -> Iterable[Issue]:
    """Yield one issue per item that was undone by hand, and per item that could not be undone."""
    for item in _items(history).values():
        if item.undos:
            yield _point(item.undos[-1], tuple(c.finished for c in item.undos), item.solved)
        if item.failed:
            yield _point(item.failed, (item.failed.finished,), None)
    databases = [c for c in _undos(history) if c.kind == ItemKind.DATABASE and c.finished < history.end]
    for change in databases:
        if change.outcome in _IN_EFFECT | _TRIED:
            yield _point(change, (change.finished,), None)


def key(change: ChangeView) -> tuple[str, str, str]:
    """Return what identifies an item: site, kind and item."""
    return change.site, change.kind, change.item


def version(text: str) -> str:
    """Return a version, cut to a maximum length."""
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
            item.undo(change, late=late)
        elif change.outcome in _IN_EFFECT:
            item.redo(change, late=late)
        elif change.outcome in _TRIED and not late:
            item.failed = change
    return items


def _undos(history: History) -> Iterable[ChangeView]:
    return (change for change in history.changes if change.undo is not None)


def _done(change: ChangeView) -> CompletedUpdate:
    return CompletedUpdate(
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


def _point(change: ChangeView, at: tuple[datetime, ...], solved: datetime | None) -> Issue:
    """Return the issue for an undo; its versions are those before and after the undo."""
    failed = change.outcome in _TRIED
    return Issue(
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
