"""Clients: reading, and exporting and erasing everything about a client."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, tuple_, update

from runner.record.acts import add_act
from runner.record.chain import text_digest
from runner.record.schema import (
    acts,
    announcements,
    approvals,
    auto_updates,
    backups,
    changes,
    clients,
    deliveries,
    holds,
    instant_text,
    look_summaries,
    looks,
    pauses,
    reports,
    restore_points,
    run_sites,
    runs,
    schedules,
    segments,
    sightings,
    steps,
    websites,
    windows,
)
from runner.record.store import Records
from runner.record.views import ClientView

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select, Table

__all__ = ["Clients", "Erased"]


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: deleted rows by table, and the number of acts that lost their details."""

    rows: dict[str, int]
    acts: int
    shared_runs: int
    """Runs that also have sites of other clients; they stay, without this client's sites."""


class Clients(Records):
    """All clients in the ledger."""

    def get(self, client: str) -> ClientView | None:
        """Return a client as it was last seen in the inventory, or None."""
        with self._store.read() as connection:
            row = connection.execute(select(clients).where(clients.c.client == client)).mappings()
            found = row.one_or_none()
        return None if found is None else ClientView(**found)

    def names(self) -> frozenset[str]:
        """Return the ids of all clients that any row names."""
        with self._store.read() as connection:
            names: set[str] = set()
            tables = (clients, websites, run_sites, backups, reports, deliveries)
            for column in (table.c.client for table in tables):
                names |= set(connection.execute(select(column).distinct()).scalars())
        return frozenset(names - {""})

    def export(self, client: str, sites: Sequence[str] = ()) -> dict[str, Any]:
        """Return all rows about a client by table. `sites` are the client's sites in the inventory."""
        with self._store.read() as connection:
            part = _part(connection, client, sites)
            document = {
                table.name: [_plain(row) for row in connection.execute(select(table).where(where)).mappings()]
                for table, where in [*part.rows(), (websites, websites.c.client == client)]
            }
            document["runs"] = [
                _plain(row) | ({} if row["run"] in part.alone else {"order_text": None, "shared": True})
                for row in connection.execute(select(runs).where(runs.c.run.in_(part.runs))).mappings()
            ]
            document["acts"] = [
                _plain({name: row[name] for name in row if name != "salt"})
                for row in connection.execute(select(acts).order_by(acts.c.id)).mappings()
                if part.concerns(row)
            ]
        return document

    def erase(self, client: str, sites: Sequence[str] = ()) -> Erased:
        """Erase a client in one transaction.

        Runs of only this client are deleted; shared runs stay, without its sites. Acts about it lose subject,
        run, details and salt but keep operator, time and hash, so that the chain can still be verified. The
        erasure itself is an act that lists the numbers of the erased acts but not the client.
        """
        with self._store.write() as connection:
            part = _part(connection, client, sites)
            numbers = [
                row["id"]
                for row in connection.execute(select(acts).order_by(acts.c.id)).mappings()
                if part.concerns(row) and (row["run"] is None or row["run"] in part.alone)
            ]
            counted = {
                table.name: connection.execute(_count(table).where(where)).scalar_one()
                for table, where in part.rows()
            }
            counted["runs"] = len(part.alone)
            orders = _remove_from_orders(connection, part)
            for table, where in reversed(part.rows()):
                connection.execute(delete(table).where(where))
            connection.execute(delete(runs).where(runs.c.run.in_(part.alone)))
            counted["websites"] = _erase_websites(connection, client)
            hidden: dict[str, Any] = {"subject": "erased", "run": None, "details": {}, "salt": None}
            for some in _slices(numbers):
                connection.execute(update(acts).where(acts.c.id.in_(some)).values(**hidden))
            details = {"acts": numbers, "orders": orders, "rows": counted}
            add_act(connection, self._store.operator, "erase", "a client", details=details)
        self._store.database.compact()
        return Erased(counted, len(numbers), len(orders))


@dataclass(frozen=True, slots=True)
class _Part:
    client: str
    sites: tuple[str, ...]
    runs: tuple[str, ...]
    """Runs with a site of the client."""
    alone: tuple[str, ...]
    """Runs with sites of this client only."""

    def rows(self) -> list[tuple[Table, ColumnElement[bool]]]:
        """Return tables and the condition for the client's rows in each, parents before children."""
        mine = select(run_sites.c.run, run_sites.c.site).where(run_sites.c.client == self.client)
        of_runs = [steps, changes, segments, restore_points]
        found: list[tuple[Table, ColumnElement[bool]]] = [(run_sites, run_sites.c.client == self.client)]
        found += [(table, tuple_(table.c.run, table.c.site).in_(mine)) for table in of_runs]
        own = select(websites.c.id).where(websites.c.client == self.client)
        found += [(table, table.c.website.in_(own)) for table in (sightings, holds)]
        found += [(windows, or_(windows.c.client == self.client, windows.c.run.in_(self.alone)))]
        rest = (
            looks,
            look_summaries,
            backups,
            auto_updates,
            schedules,
            pauses,
            approvals,
            reports,
            deliveries,
            announcements,
            clients,
        )
        return found + [(table, table.c.client == self.client) for table in rest]

    def concerns(self, act: Any) -> bool:
        """Return whether an act is about this client."""
        if act["run"] is not None:
            return act["run"] in self.runs
        details = act["details"]
        if "client" in details:
            return bool(details["client"] == self.client)
        return details.get("site") in self.sites


def _count(table: Table) -> Select[Any]:
    return select(func.count()).select_from(table)


def _part(connection: Connection, client: str, sites: Sequence[str]) -> _Part:
    names = {*sites}
    for column, owner in (
        (websites.c.name, websites.c.client),
        (run_sites.c.site, run_sites.c.client),
        (backups.c.site, backups.c.client),
    ):
        names |= set(connection.execute(select(column).where(owner == client).distinct()).scalars())
    in_runs = set(connection.execute(select(run_sites.c.run).where(run_sites.c.client == client)).scalars())
    others = set(connection.execute(select(run_sites.c.run).where(run_sites.c.client != client)).scalars())
    return _Part(client, tuple(sorted(names)), tuple(sorted(in_runs)), tuple(sorted(in_runs - others)))


def _remove_from_orders(connection: Connection, part: _Part) -> dict[str, str]:
    """Remove the client from the orders of shared runs; return the new digest of each."""
    orders = {}
    for run in sorted({*part.runs} - {*part.alone}):
        text = connection.execute(select(runs.c.order_text).where(runs.c.run == run)).scalar_one()
        mine = select(run_sites.c.site).where(run_sites.c.run == run, run_sites.c.client == part.client)
        shorter = _shortened(text, part.client, {*connection.execute(mine).scalars()})
        connection.execute(update(runs).where(runs.c.run == run).values(order_text=shorter))
        orders[run] = text_digest(shorter)
    return orders


def _erase_websites(connection: Connection, client: str) -> int:
    """Delete the client's websites; websites in rows of other clients keep only their name."""
    others = [
        select(table.c.website).where(table.c.website.is_not(None))
        for table in (run_sites, looks, look_summaries, backups)
    ]
    shared = or_(*(websites.c.id.in_(rows) for rows in others))
    mine = websites.c.client == client
    gone = connection.execute(delete(websites).where(mine, ~shared)).rowcount
    connection.execute(update(websites).where(mine).values(client="", url="", host="", path=""))
    return gone


def _shortened(text: str, client: str, gone: AbstractSet[str]) -> str:
    try:
        order = json.loads(text)
    except ValueError:
        return "{}"
    if not isinstance(order, dict) or "sites" not in order:
        return text
    order["sites"] = [site for site in order["sites"] if site["name"] not in gone]
    order["rings"] = [[name for name in ring if name not in gone] for ring in order["rings"]]
    order["clients"] = {name: one for name, one in order["clients"].items() if name != client}
    used = {site["host"] for site in order["sites"]}
    order["hosts"] = {name: one for name, one in order["hosts"].items() if name in used}
    if order.get("locked"):
        order["locked"] = {name: plan for name, plan in order["locked"].items() if name not in gone}
    return json.dumps(order, ensure_ascii=False, separators=(",", ":"))


def _plain(row: Any) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _slices(numbers: list[int], size: int = 500) -> list[list[int]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
