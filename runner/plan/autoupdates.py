"""Which of WordPress's automatic updates to switch off because the item is held, and which on again.

An automatic update that was switched on again at the site is left on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from runner.model import Action, AutoUpdate, Change, Extension, ItemKind, Level, SiteFacts
from runner.plan.policy import PolicyInput, held
from runner.steps.versions import compare, core_level

__all__ = [
    "AutoHold",
    "AutoUpdateRow",
    "AutoUpdateSwitches",
    "auto_key",
    "choose_switches",
    "held_items",
    "with_auto_update_notes",
]

Key = tuple[str, str]
"""(kind, key) as in `AutoUpdate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoHold:
    """A held item, by WordPress's name for it."""

    kind: str
    key: str
    item: str
    why: str


class AutoUpdateRow(Protocol):
    """An automatic update in the ledger that was switched off and not switched on again."""

    @property
    def id(self) -> int:
        """Id of the row."""

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
        """As in `AutoUpdate`: the value before it was switched off."""

    @property
    def state(self) -> str:
        """`asked`, `off` or `overruled`."""


@dataclass(frozen=True, slots=True)
class AutoUpdateSwitches:
    """What to do with the automatic updates of a site."""

    off: tuple[tuple[AutoHold, AutoUpdate], ...] = ()
    forced: tuple[tuple[AutoHold, AutoUpdate], ...] = ()
    """Held, but WordPress updates them anyway."""
    back: tuple[AutoUpdateRow, ...] = ()
    """Switched off earlier and no longer held: to switch on again."""
    overruled: tuple[AutoUpdateRow, ...] = ()
    """Switched off earlier, but switched on again at the site: left on."""


def held_items(facts: SiteFacts, inputs: PolicyInput) -> tuple[AutoHold, ...]:
    """Return all items that are held on a site, independently of a playbook."""
    found = [*_core(facts, inputs), *_translations(facts, inputs)]
    for kind, entries in ((ItemKind.PLUGIN, facts.plugins), (ItemKind.THEME, facts.themes)):
        for entry in entries:
            change = _change(entry.slug, kind, entry.version, entry.offered or entry.version)
            if why := held(change, inputs):
                found.append(AutoHold(kind=kind.value, key=entry.file, item=entry.slug, why=why))
    return tuple(found)


def choose_switches(
    holds: Iterable[AutoHold], on: Iterable[AutoUpdate], rows: Iterable[AutoUpdateRow]
) -> AutoUpdateSwitches:
    """Decide which automatic updates to switch on or off.

    Args:
        holds: the held items.
        on: the automatic updates that are on now.
        rows: those switched off earlier; for state `asked`, it is unknown whether that succeeded.
    """
    held_keys = {(hold.kind, hold.key): hold for hold in holds}
    active = {(auto.kind, auto.key): auto for auto in on}
    open_rows = {(row.kind, row.key): row for row in rows}
    overruled = {
        key: row
        for key, row in open_rows.items()
        if key in held_keys and key in active and row.state != "asked"
    }
    pairs = [(hold, active[key]) for key, hold in held_keys.items() if key in active and key not in overruled]
    return AutoUpdateSwitches(
        off=tuple(pair for pair in pairs if not pair[1].forced),
        forced=tuple(pair for pair in pairs if pair[1].forced),
        back=tuple(row for key, row in open_rows.items() if key not in held_keys),
        overruled=tuple(overruled.values()),
    )


def with_auto_update_notes(
    changes: Sequence[Change], facts: SiteFacts, holds: Iterable[AutoHold], overruled: Iterable[Key] = ()
) -> tuple[Change, ...]:
    """Add notes to held changes that WordPress may install automatically."""
    active = {(auto.kind, auto.key): auto for auto in facts.auto_updates}
    held_keys, left_on = {(hold.kind, hold.key) for hold in holds}, frozenset(overruled)
    if not active:
        return tuple(changes)

    def with_note(change: Change) -> Change:
        key = auto_key(change, facts)
        if change.action is not Action.HOLD or key not in active:
            return change
        note = _note(active[key], held_keys, left_on)
        return replace(change, note="; ".join(filter(None, (change.note, note))))

    return tuple(map(with_note, changes))


def _note(auto: AutoUpdate, held_keys: Iterable[Key], overruled: Iterable[Key]) -> str:
    key = auto.kind, auto.key
    if auto.forced:
        return f"WordPress updates it automatically: {auto.forced}"
    if key in overruled:
        return "WordPress updates it automatically: this was switched on again at the site"
    if key in held_keys:
        return "its automatic update by WordPress is switched off by a run while it is held"
    return "WordPress may update it automatically before that"


def auto_key(change: Change, facts: SiteFacts) -> Key:
    """Return WordPress's name for the item of a change."""
    if change.kind is ItemKind.CORE:
        major = core_level(change.from_version, change.to_version) is Level.MAJOR
        return "core", "major" if major else "minor"
    if change.kind is ItemKind.LANGUAGE:
        return "translation", ""
    entries: tuple[Extension, ...] = facts.plugins if change.kind is ItemKind.PLUGIN else facts.themes
    return change.kind.value, next((e.file for e in entries if e.slug == change.item), "")


def _translations(facts: SiteFacts, inputs: PolicyInput) -> Iterator[AutoHold]:
    """WordPress switches all translations together, so the first held one counts for all."""
    for pack in facts.translations:
        why = held(_change(pack.item, ItemKind.LANGUAGE, pack.offered, pack.offered), inputs)
        if pack.offered and why:
            yield AutoHold(kind="translation", key="", item=pack.item, why=why)
            return


def _core(facts: SiteFacts, inputs: PolicyInput) -> Iterator[AutoHold]:
    """A hold by an operator applies to minor and major versions, others only to those offered."""
    reasons: dict[str, str] = {}
    of_all = replace(inputs, holds=tuple(h for h in inputs.holds if h.operator and not h.version))
    if why := held(_change("core", ItemKind.CORE, facts.wordpress, facts.wordpress), of_all):
        reasons = dict.fromkeys(("minor", "major"), why)
    for offer in facts.core_offers:
        change = _change("core", ItemKind.CORE, facts.wordpress, offer.version)
        if compare(offer.version, facts.wordpress) > 0 and (why := held(change, inputs)):
            reasons.setdefault(auto_key(change, facts)[1], why)
    for size, why in reasons.items():
        yield AutoHold(kind="core", key=size, item="core", why=why)


def _change(item: str, kind: ItemKind, old: str, new: str) -> Change:
    return Change(step="", item=item, kind=kind, from_version=old, to_version=new, action=Action.CHANGE)
