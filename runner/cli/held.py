"""The holds in force: those of the ledger and those of the files, for `list holds`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from runner.load.holds import file_holds
from runner.plan import in_force, is_undone_by_hand
from runner.record import rfc3339

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import Site
    from runner.record import Ledger

__all__ = ["HeldItem", "list_held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldItem:
    """A hold on an item, by an operator, by a file, or after a rollback or an undo."""

    selector: str
    """Selects its sites, as with -l."""
    sites: tuple[str, ...]
    item: str
    version: str = ""
    """The held version; empty for all versions."""
    until: date | None
    set_by: str
    """An operator, a file with line, `rollback` or `undo`."""
    why: str
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """One entry of `list holds --json`."""
        return {
            "selector": self.selector,
            "sites": list(self.sites),
            "item": self.item,
            "version": self.version,
            "until": self.until.isoformat() if self.until else None,
            "set_by": self.set_by,
            "why": self.why,
            "since": rfc3339(self.since),
        }

    def cells(self) -> tuple[str, ...]:
        """One row of the table."""
        item = f"{self.item} <= {self.version}" if self.version else self.item
        until = self.until.isoformat() if self.until else ""
        return (self.selector, item, until, self.set_by, self.why)


def list_held(workspace: Workspace, ledger: Ledger | None, sites: Sequence[Site]) -> tuple[HeldItem, ...]:
    """Return the holds that are in force on sites: wide ones of the files first, then site by site."""
    now = datetime.now(UTC)
    clients = workspace.inventory.clients
    today = {site.name: now.astimezone(ZoneInfo(clients[site.client].timezone)).date() for site in sites}
    order = {site.name: number for number, site in enumerate(sites)}
    found = [*_of_files(workspace, sites, today), *(_of_ledger(ledger, sites, today) if ledger else ())]
    return tuple(sorted(found, key=lambda one: (order.get(one.selector, -1), one.selector, one.item)))


def _of_files(workspace: Workspace, sites: Sequence[Site], today: dict[str, date]) -> Iterator[HeldItem]:
    for one in file_holds(workspace, sites):
        if mine := tuple(name for name in one.sites if in_force(one.hold.until, today[name])):
            yield HeldItem(
                selector=one.selector,
                sites=mine,
                item=one.item,
                until=one.hold.until,
                set_by=one.place,
                why=one.hold.why,
            )


def _of_ledger(ledger: Ledger, sites: Sequence[Site], today: dict[str, date]) -> Iterator[HeldItem]:
    names = {ledger.websites.recorded_name(site): site.name for site in sites}
    for one in ledger.holds.list():
        name = names.get(one.site, "")
        if name and in_force(one.until, today[name]):
            yield HeldItem(
                selector=name,
                sites=(name,),
                item=one.item,
                version=one.version,
                until=one.until,
                set_by=one.operator or ("undo" if is_undone_by_hand(one.why) else "rollback"),
                why=one.why,
                since=one.since,
            )
