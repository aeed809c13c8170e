"""Which of WordPress's own automatic updates are switched off, since the item is held, and which on again.

What somebody at the site has set since is left so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from runner.model import Action, AutoUpdate, Change, Extension, ItemKind, Level, SiteFacts
from runner.plan.policy import Standing, held
from runner.steps.versions import compare, core_level

__all__ = ["AutoHold", "Choice", "Row", "auto_key", "choose", "held_items", "noted"]

Key = tuple[str, str]
"""(kind, key) as in `AutoUpdate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoHold:
    """An item that the crew holds, as WordPress names it."""

    kind: str
    key: str
    item: str
    why: str


class Row(Protocol):
    """An automatic update that was switched off earlier and is not settled, as the ledger has it."""

    @property
    def id(self) -> int:
        """Its number there."""

    @property
    def kind(self) -> str:
        """As in `AutoUpdate`."""

    @property
    def key(self) -> str:
        """As in `AutoUpdate`."""

    @property
    def item(self) -> str:
        """Its slug."""

    @property
    def was(self) -> str:
        """As in `AutoUpdate`, before it was switched off."""

    @property
    def state(self) -> str:
        """`asked`, `off` or `overruled`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do about the automatic updates of a site."""

    off: tuple[tuple[AutoHold, AutoUpdate], ...] = ()
    forced: tuple[tuple[AutoHold, AutoUpdate], ...] = ()
    """Held, but WordPress installs them all the same."""
    back: tuple[Row, ...] = ()
    """Switched off earlier, and no longer held."""
    overruled: tuple[Row, ...] = ()
    """Switched off earlier, and on again since: somebody at the site wants it so."""


def held_items(facts: SiteFacts, standing: Standing) -> tuple[AutoHold, ...]:
    """What the crew holds on a site, whatever a playbook would do."""
    found = [*_core(facts, standing), *_translations(facts, standing)]
    for kind, entries in ((ItemKind.PLUGIN, facts.plugins), (ItemKind.THEME, facts.themes)):
        for entry in entries:
            change = _change(entry.slug, kind, entry.version, entry.offered or entry.version)
            if why := held(change, standing):
                found.append(AutoHold(kind=kind.value, key=entry.file, item=entry.slug, why=why))
    return tuple(found)


def choose(holds: Iterable[AutoHold], on: Iterable[AutoUpdate], rows: Iterable[Row]) -> Choice:
    """What to switch.

    Args:
        holds: what is held.
        on: what WordPress updates by itself now.
        rows: what was switched off earlier; `asked` is one of which it is not known whether it was.
    """
    wanted = {(hold.kind, hold.key): hold for hold in holds}
    active = {(auto.kind, auto.key): auto for auto in on}
    open_rows = {(row.kind, row.key): row for row in rows}
    overruled = {
        key: row for key, row in open_rows.items() if key in wanted and key in active and row.state != "asked"
    }
    pairs = [(hold, active[key]) for key, hold in wanted.items() if key in active and key not in overruled]
    return Choice(
        off=tuple(pair for pair in pairs if not pair[1].forced),
        forced=tuple(pair for pair in pairs if pair[1].forced),
        back=tuple(row for key, row in open_rows.items() if key not in wanted),
        overruled=tuple(overruled.values()),
    )


def noted(
    changes: Sequence[Change], facts: SiteFacts, holds: Iterable[AutoHold], overruled: Iterable[Key] = ()
) -> tuple[Change, ...]:
    """The changes, with what WordPress will do of its own accord with those that are held."""
    active = {(auto.kind, auto.key): auto for auto in facts.auto_updates}
    wanted, left = {(hold.kind, hold.key) for hold in holds}, frozenset(overruled)
    if not active:
        return tuple(changes)

    def told(change: Change) -> Change:
        key = auto_key(change, facts)
        if change.action is not Action.HOLD or key not in active:
            return change
        return replace(change, note="; ".join(filter(None, (change.note, _note(active[key], wanted, left)))))

    return tuple(map(told, changes))


def _note(auto: AutoUpdate, wanted: Iterable[Key], overruled: Iterable[Key]) -> str:
    key = auto.kind, auto.key
    if auto.forced:
        return f"WordPress updates it by itself: {auto.forced}"
    if key in overruled:
        return "WordPress updates it by itself: it was switched on again at the site"
    if key in wanted:
        return "WordPress would update it by itself; a run switches that off for as long as it is held"
    return "WordPress may update it by itself before"


def auto_key(change: Change, facts: SiteFacts) -> Key:
    """What WordPress names the item of a change by."""
    if change.kind is ItemKind.CORE:
        major = core_level(change.from_version, change.to_version) is Level.MAJOR
        return "core", "major" if major else "minor"
    if change.kind is ItemKind.LANGUAGE:
        return "translation", ""
    entries: tuple[Extension, ...] = facts.plugins if change.kind is ItemKind.PLUGIN else facts.themes
    return change.kind.value, next((e.file for e in entries if e.slug == change.item), "")


def _translations(facts: SiteFacts, standing: Standing) -> Iterator[AutoHold]:
    """WordPress knows all translations together or none, so that the first that is held stands for all."""
    for pack in facts.translations:
        why = held(_change(pack.item, ItemKind.LANGUAGE, pack.offered, pack.offered), standing)
        if pack.offered and why:
            yield AutoHold(kind="translation", key="", item=pack.item, why=why)
            return


def _core(facts: SiteFacts, standing: Standing) -> Iterator[AutoHold]:
    """A hold by hand is of every size; else it depends on what is offered."""
    found: dict[str, str] = {}
    by_hand = replace(standing, holds=())
    if why := held(_change("core", ItemKind.CORE, facts.wordpress, facts.wordpress), by_hand):
        found = dict.fromkeys(("minor", "major"), why)
    for offer in facts.core_offers:
        change = _change("core", ItemKind.CORE, facts.wordpress, offer.version)
        if compare(offer.version, facts.wordpress) > 0 and (why := held(change, standing)):
            found.setdefault(auto_key(change, facts)[1], why)
    for size, why in found.items():
        yield AutoHold(kind="core", key=size, item="core", why=why)


def _change(item: str, kind: ItemKind, now: str, then: str) -> Change:
    return Change(step="", item=item, kind=kind, from_version=now, to_version=then, action=Action.CHANGE)
