"""Versions: when each was first seen, and which are held back after they broke something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, update

from runner.record.schema import holds, sightings, websites
from runner.record.store import Store, insert_new, now
from runner.record.views import HoldView
from runner.record.websites import find_website, website_of_run

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["HoldBook", "Offer", "hold_view", "of_holds"]

Offer = tuple[str, str, str]
"""(kind, item, version)"""


class HoldBook(Store):
    """Sightings and holds."""

    def see(
        self, site: str, offers: Iterable[Offer], at: datetime, *, run: str | None = None
    ) -> dict[Offer, datetime]:
        """Tell since when each version that a site is offered has been known, and note the new ones.

        With `run`, `site` is what the website is called in that run, as everywhere here.
        A ledger opened for reading only notes nothing: what is new there is known since `at`.
        """
        wanted = set(offers)
        with self._read() as connection:
            known = _sightings(connection, find_website(connection, site, run))
        new = sorted(wanted - known.keys())
        if new and not self.read_only:
            with self._write() as connection:
                website, _ = website_of_run(connection, run, site, at)
                for kind, item, version in new:
                    row = {"website": website, "kind": kind, "item": item, "version": version}
                    insert_new(connection, sightings, row | {"first_seen": at})
                known = _sightings(connection, website)
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
        run: str | None = None,
    ) -> bool:
        """Hold a version back; False when it is held already, for the reason that was given first."""
        row = {"site": site, "item": item, "version": version, "why": why}
        at = since or now()
        row |= {"evidence": dict(evidence or {}), "since": at}  # type: ignore[dict-item]
        with self._write() as connection:
            website, _ = website_of_run(connection, run, site, at)
            same = (holds.c.website == website) & (holds.c.item == item) & (holds.c.version == version)
            if connection.execute(select(holds.c.id).where(same, holds.c.lifted.is_(None))).first():
                return False
            connection.execute(insert(holds).values(**row, website=website))
        return True

    def lift_hold(self, site: str, item: str, *, at: datetime | None = None, run: str | None = None) -> int:
        """Let an item go on, whatever version of it is held; how many holds that were."""
        with self._write() as connection:
            website = find_website(connection, site, run)
            mine = (holds.c.website == website) & (holds.c.item == item) & holds.c.lifted.is_(None)
            return connection.execute(update(holds).where(mine).values(lifted=at or now())).rowcount

    def list_holds(
        self, site: str | None = None, *, lifted: bool = False, run: str | None = None
    ) -> tuple[HoldView, ...]:
        """Holds by site and item; those that were lifted only when `lifted`."""
        query = of_holds()
        if not lifted:
            query = query.where(holds.c.lifted.is_(None))
        with self._read() as connection:
            if site is not None:
                query = query.where(holds.c.website == find_website(connection, site, run))
            return tuple(map(hold_view, connection.execute(query).mappings()))


def of_holds() -> Select[Any]:
    """Rows of `holds` with what their site is called now, by site, item and age."""
    columns = (column for column in holds.c if column.name != "site")
    query = select(websites.c.name.label("site"), *columns).join(websites, websites.c.id == holds.c.website)
    return query.order_by(websites.c.name, holds.c.item, holds.c.since)


def _sightings(connection: Connection, website: int | None) -> dict[Offer, datetime]:
    query = select(sightings).where(sightings.c.website == website)
    return {(row.kind, row.item, row.version): row.first_seen for row in connection.execute(query)}


def hold_view(row: RowMapping) -> HoldView:
    """A row of `of_holds`."""
    return HoldView(**{name: row[name] for name in HoldView.__slots__})
