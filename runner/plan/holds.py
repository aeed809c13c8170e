"""Holds of the ledger: which one applies to an update, and the reason that plan and run give for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from runner.model import Change
from runner.shell import command
from runner.steps.versions import compare

if TYPE_CHECKING:
    from runner.record import HoldView

__all__ = [
    "BY_HAND",
    "UNUSABLE",
    "LedgerHold",
    "in_force",
    "is_undone_by_hand",
    "is_unusable",
    "ledger_hold",
    "ledger_holds",
    "ledger_reason",
    "operator_reason",
    "set_by",
]

BY_HAND = "undone by hand"
"""Start of the reason of a hold on an item that an operator undid; it need not have broken the site."""
_BY_HAND = (BY_HAND, "put back by hand")
"""Including the wording in ledgers of older versions."""
UNUSABLE = "its package cannot be used"
"""Start of the reason of a hold on an item whose package is invalid; it did not break the site."""
_UNUSABLE = (
    "the package contains the folder ",
    "the package does not contain ",
    "the package holds the folder ",
    "the package does not hold ",
)
"""The last two were written by older versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHold:
    """A hold by an operator, or after a failed or undone update; until a version newer than `version`."""

    item: str
    why: str
    version: str = ""
    """The held version; empty for all versions."""
    operator: str = ""
    """Who set it with `sitecrew hold`; empty after a failed or undone update."""
    until: date | None = None
    """Its last day in the client's time zone."""


def ledger_holds(views: Iterable[HoldView]) -> tuple[LedgerHold, ...]:
    """Convert holds as they are read from the ledger; those by operators come first."""
    found = (
        LedgerHold(
            item=one.item, why=one.why, version=one.version, operator=one.operator or "", until=one.until
        )
        for one in views
    )
    return tuple(sorted(found, key=lambda hold: not hold.operator))


def in_force(until: date | None, today: date) -> bool:
    """Whether a hold with the last day `until` still holds on a day."""
    return until is None or today <= until


def ledger_hold(change: Change, holds: Iterable[LedgerHold], today: date) -> LedgerHold | None:
    """Return the first hold that applies to an update, or None."""
    for hold in holds:
        reached = not hold.version or compare(change.to_version, hold.version) <= 0
        if hold.item == change.item and reached and in_force(hold.until, today):
            return hold
    return None


def ledger_reason(hold: LedgerHold, site: str) -> str:
    """Return why a hold of the ledger holds an update, with the command that lifts it."""
    if hold.operator:
        return operator_reason(hold.until, hold.why, "for this site")
    which = f"{hold.version} " if hold.version else ""
    lift = command("unhold", hold.item, "-l", site)
    if hold.why.startswith(UNUSABLE):
        return f"held because {hold.why} (to retry: {lift})"
    if is_undone_by_hand(hold.why):
        return f"held because {which}was {hold.why} (to allow it again: {lift})"
    return f"held because {which}broke this site: {hold.why} (to retry: {lift})"


def operator_reason(until: date | None, why: str, where: str) -> str:
    """Return the reason of a hold in a file or by `sitecrew hold`; reports quote it for the client."""
    last = f" until {until.isoformat()}" if until else ""
    return f"held{last}: {why}" if why else f"held{last} {where}"


def set_by(hold: LedgerHold, site: str) -> str:
    """Return who set a hold with `sitecrew hold`, and how to lift it; empty for other holds."""
    if not hold.operator:
        return ""
    versions = f"up to {hold.version}, " if hold.version else ""
    return f"{versions}set by {hold.operator} (to lift it: {command('unhold', hold.item, '-l', site)})"


def is_undone_by_hand(why: str) -> bool:
    """Whether a hold is on a version that an operator undid."""
    return why.startswith(_BY_HAND)


def is_unusable(why: str) -> bool:
    """Whether an update failed because of its package, so that a retry is pointless."""
    return why.startswith(_UNUSABLE)
