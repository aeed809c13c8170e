"""When each version was first seen, and which items are held by rollbacks, undos and operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Update, insert, select, update

from runner.record.acts import add_act
from runner.record.schema import holds, sightings, websites
from runner.record.store import Records, insert_new, now
from runner.record.views import HoldByHand, HoldView
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

    def items(self, sites: Iterable[str]) -> frozenset[str]:
        """Return the items of which any version was ever offered to one of the sites."""
        with self._store.read() as connection:
            mine = [find_website(connection, site) for site in sites]
            query = select(sightings.c.item).where(sightings.c.website.in_(mine)).distinct()
            return frozenset(connection.execute(query).scalars())


class Holds(Records):
    """Items that are not updated on a site. With `run`, a site has its name of that run."""

    def set_by_hand(
        self, sites: Mapping[str, str], hold: HoldByHand, *, at: datetime | None = None
    ) -> tuple[str, ...]:
        """Hold an item on sites as the operator of this process, with an act for each; all sites or none.

        Replaces earlier holds on the item by hand; holds by rollbacks and undos stay.

        Args:
            sites: their names, each with its client.
            hold: the hold.
            at: since when.

        Returns:
            The sites that had a hold by hand on the item.
        """
        at, who = at or now(), self._store.operator
        row = {"item": hold.item, "version": hold.version, "why": hold.why, "until": hold.until}
        row |= {"operator": who.name, "since": at}
        replaced = []
        with self._store.write() as connection:
            for site, client in sites.items():
                website, _ = website_of_run(connection, None, site, at)
                if connection.execute(_lift(website, hold.item, at, by_hand=True)).rowcount:
                    replaced.append(site)
                connection.execute(insert(holds).values(**row, site=site, website=website))
                details = {"site": site, "client": client, "until": hold.until and hold.until.isoformat()}
                subject = f"{site}: {hold.item} {hold.version}".rstrip()
                add_act(connection, who, "hold", subject, details=details, at=at)
        return tuple(replaced)

    def lift_by_hand(self, sites: Mapping[str, str], item: str) -> tuple[HoldView, ...]:
        """Lift all holds on an item of sites as the operator of this process, with an act for each site.

        Args:
            sites: their names, each with its client.
            item: the item.

        Returns:
            The holds that were lifted.
        """
        at, lifted = now(), []
        with self._store.write() as connection:
            for site, client in sites.items():
                website = find_website(connection, site)
                mine = select_holds().where(holds.c.website == website, holds.c.item == item, _IN_FORCE)
                found = [hold_view(row) for row in connection.execute(mine).mappings()]
                if not found:
                    continue
                lifted += found
                versions = " ".join(hold.version for hold in found if hold.version)
                details = {"site": site, "client": client}
                subject = f"{site}: {item} {versions}".rstrip()
                add_act(connection, self._store.operator, "unhold", subject, details=details, at=at)
                connection.execute(_lift(website, item, at))
        return tuple(lifted)

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
        """Hold a version that broke a site or was undone. Return False if it is held so already."""
        row = {"site": site, "item": item, "version": version, "why": why}
        at = since or now()
        row |= {"evidence": dict(evidence or {}), "since": at}  # type: ignore[dict-item]
        with self._store.write() as connection:
            website, _ = website_of_run(connection, run, site, at)
            same = (holds.c.website == website) & (holds.c.item == item) & (holds.c.version == version)
            same &= holds.c.operator.is_(None) & _IN_FORCE
            if connection.execute(select(holds.c.id).where(same)).first():
                return False
            connection.execute(insert(holds).values(**row, website=website))
        return True

    def lift(self, site: str, item: str, *, at: datetime | None = None, run: str | None = None) -> int:
        """Lift the holds on an item that rollbacks and undos set; return how many there were."""
        with self._store.write() as connection:
            website = find_website(connection, site, run)
            return connection.execute(_lift(website, item, at or now(), by_hand=False)).rowcount

    def list(
        self, site: str | None = None, *, lifted: bool = False, run: str | None = None
    ) -> tuple[HoldView, ...]:
        """Return holds by site and item; lifted ones only if `lifted`."""
        query = select_holds()
        if not lifted:
            query = query.where(_IN_FORCE)
        with self._store.read() as connection:
            if site is not None:
                query = query.where(holds.c.website == find_website(connection, site, run))
            return tuple(map(hold_view, connection.execute(query).mappings()))


_IN_FORCE = holds.c.lifted.is_(None)


def _lift(website: int | None, item: str, at: datetime, *, by_hand: bool | None = None) -> Update:
    """Lift holds on an item: those by hand, those by rollbacks and undos, or all."""
    lift = update(holds).where(holds.c.website == website, holds.c.item == item, _IN_FORCE)
    if by_hand is not None:
        lift = lift.where(holds.c.operator.is_not(None) if by_hand else holds.c.operator.is_(None))
    return lift.values(lifted=at)


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
