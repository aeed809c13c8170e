"""Versions: when each was first seen, and which are held back after they broke something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from runner.record.schema import holds, sightings
from runner.record.store import Store, insert_new, now
from runner.record.views import HoldView

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping

__all__ = ["HoldBook", "Offer", "hold_view"]

Offer = tuple[str, str, str]
"""(kind, item, version)"""


class HoldBook(Store):
    """Sightings and holds."""

    def see(self, site: str, offers: Iterable[Offer], at: datetime) -> dict[Offer, datetime]:
        """Tell since when each version that a site is offered has been known, and note the new ones.

        A ledger opened for reading only notes nothing: what is new there is known since `at`.
        """
        wanted = set(offers)
        with self._read() as connection:
            known = _sightings(connection, site)
        new = [
            {"site": site, "kind": kind, "item": item, "version": version, "first_seen": at}
            for kind, item, version in sorted(wanted - known.keys())
        ]
        if new and not self.read_only:
            with self._write() as connection:
                for row in new:
                    insert_new(connection, sightings, row)
                known = _sightings(connection, site)
        return {offer: known.get(offer, at) for offer in wanted}

    def add_hold(
        self,
        site: str,
        item: str,
        version: str,
        *,
        why: str,
        evidence: Mapping[str, object] | None = None,
        since: datetime | None = None,
    ) -> bool:
        """Hold a version back; False when it is held already, for the reason that was given first."""
        row = {"site": site, "item": item, "version": version, "why": why}
        row |= {"evidence": dict(evidence or {}), "since": since or now()}  # type: ignore[dict-item]
        same = (holds.c.site == site) & (holds.c.item == item) & (holds.c.version == version)
        with self._write() as connection:
            if connection.execute(select(holds.c.id).where(same, holds.c.lifted.is_(None))).first():
                return False
            connection.execute(insert(holds).values(**row))
        return True

    def lift_hold(self, site: str, item: str, *, at: datetime | None = None) -> int:
        """Let an item go on, whatever version of it is held; how many holds that were."""
        mine = (holds.c.site == site) & (holds.c.item == item) & holds.c.lifted.is_(None)
        with self._write() as connection:
            return connection.execute(update(holds).where(mine).values(lifted=at or now())).rowcount

    def list_holds(self, site: str | None = None, *, lifted: bool = False) -> tuple[HoldView, ...]:
        """Holds by site and item; those that were lifted only when `lifted`."""
        conditions: list[ColumnElement[bool]] = []
        if site is not None:
            conditions.append(holds.c.site == site)
        if not lifted:
            conditions.append(holds.c.lifted.is_(None))
        query = select(holds).where(*conditions).order_by(holds.c.site, holds.c.item, holds.c.since)
        with self._read() as connection:
            return tuple(map(hold_view, connection.execute(query).mappings()))


def _sightings(connection: Connection, site: str) -> dict[Offer, datetime]:
    query = select(sightings).where(sightings.c.site == site)
    return {(row.kind, row.item, row.version): row.first_seen for row in connection.execute(query)}


def hold_view(row: RowMapping) -> HoldView:
    """A row of `holds`."""
    return HoldView(**{name: row[name] for name in HoldView.__slots__})
