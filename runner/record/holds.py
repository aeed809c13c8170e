"""When each version was first seen, and which versions are held because they broke something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, update

from runner.record.schema import holds, sightings, websites
from runner.record.store import Records, insert_new, now
from runner.record.views import HoldView
from runner.record.websites import find_website, website_of_run

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["Holds", "Offer", "Sightings", "hold_view", "select_holds"]

Offer = tuple[str, str, str]
"""(kind, item, version)"""


class Sightings(Records):
    """The first sighting of each version that a site is offered."""

    def first_seen(
        self, site: str, offers: Iterable[Offer], at: datetime, *, run: str | None = None
    ) -> dict[Offer, datetime]:
        """Return when each offered version was first seen. New versions are recorded as seen at `at`.

        With `run`, `site` is the name that the website has in that run. A read-only ledger records nothing.
        """
        wanted = set(offers)
        with self._store.read() as connection:
            known = _sightings(connection, find_website(connection, site, run))
        new = sorted(wanted - known.keys())
        if new and not self._store.read_only:
            with self._store.write() as connection:
                website, _ = website_of_run(connection, run, site, at)
                for kind, item, version in new:
                    row = {"website": website, "kind": kind, "item": item, "version": version}
                    insert_new(connection, sightings, row | {"first_seen": at})
                known = _sightings(connection, website)
        return {offer: known.get(offer, at) for offer in wanted}


class Holds(Records):
    """Versions that are not installed on a site. With `run`, a site has its name of that run."""

    def add(
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
        """Hold a version. Return False if it is held already; the first reason stays."""
        row = {"site": site, "item": item, "version": version, "why": why}
        at = since or now()
        row |= {"evidence": dict(evidence or {}), "since": at}  # type: ignore[dict-item]
        with self._store.write() as connection:
            website, _ = website_of_run(connection, run, site, at)
            same = (holds.c.website == website) & (holds.c.item == item) & (holds.c.version == version)
            if connection.execute(select(holds.c.id).where(same, holds.c.lifted.is_(None))).first():
                return False
            connection.execute(insert(holds).values(**row, website=website))
        return True

    def lift(self, site: str, item: str, *, at: datetime | None = None, run: str | None = None) -> int:
        """Lift all holds on an item; return how many there were."""
        with self._store.write() as connection:
            website = find_website(connection, site, run)
            mine = (holds.c.website == website) & (holds.c.item == item) & holds.c.lifted.is_(None)
            return connection.execute(update(holds).where(mine).values(lifted=at or now())).rowcount

    def list(
        self, site: str | None = None, *, lifted: bool = False, run: str | None = None
    ) -> tuple[HoldView, ...]:
        """Return holds by site and item; lifted ones only if `lifted`."""
        query = select_holds()
        if not lifted:
            query = query.where(holds.c.lifted.is_(None))
        with self._store.read() as connection:
            if site is not None:
                query = query.where(holds.c.website == find_website(connection, site, run))
            return tuple(map(hold_view, connection.execute(query).mappings()))


def select_holds() -> Select[Any]:
    """Select rows of `holds` with the present name of their site, by site, item and age."""
    columns = (column for column in holds.c if column.name != "site")
    query = select(websites.c.name.label("site"), *columns).join(websites, websites.c.id == holds.c.website)
    return query.order_by(websites.c.name, holds.c.item, holds.c.since)


def _sightings(connection: Connection, website: int | None) -> dict[Offer, datetime]:
    query = select(sightings).where(sightings.c.website == website)
    return {(row.kind, row.item, row.version): row.first_seen for row in connection.execute(query)}


def hold_view(row: RowMapping) -> HoldView:
    """Convert a row of `select_holds`."""
    return HoldView(**{name: row[name] for name in HoldView.__slots__})
