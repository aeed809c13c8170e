"""A client's part of the ledger: given out as one document, and erased."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, update

from runner.record.acts import add_act
from runner.record.chain import text_digest
from runner.record.schema import (
    acts,
    auto_updates,
    backups,
    changes,
    deliveries,
    holds,
    instant_text,
    looks,
    reports,
    restore_points,
    run_sites,
    runs,
    schedules,
    segments,
    sightings,
    steps,
    windows,
)
from runner.record.store import Store

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select, Table

__all__ = ["ClientBook", "Erased"]


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of which table are gone, and how many acts keep only operator, time and hash."""

    rows: dict[str, int]
    acts: int
    shared_runs: int
    """Runs with sites of others too: these stay, without the client."""


class ClientBook(Store):
    """Export and erasure."""

    def clients_recorded(self) -> frozenset[str]:
        """The clients that the ledger knows."""
        with self._read() as connection:
            names: set[str] = set()
            for column in (run_sites.c.client, backups.c.client, reports.c.client, deliveries.c.client):
                names |= set(connection.execute(select(column).distinct()).scalars())
        return frozenset(names)

    def export_client(self, client: str, sites: Sequence[str] = ()) -> dict[str, Any]:
        """Everything of a client by table, one object a row. `sites` are those of the inventory besides."""
        with self._read() as connection:
            part = _part(connection, client, sites)
            document = {
                table.name: [_plain(row) for row in connection.execute(select(table).where(where)).mappings()]
                for table, where in part.rows()
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

    def erase_client(self, client: str, sites: Sequence[str] = ()) -> Erased:
        """Erase a client in one transaction.

        Runs of this client alone go; shared ones stay without its sites. Acts about it lose subject, run,
        details and salt, and keep operator, time and hash, so that the chain can be verified. The erasure is
        an act of its own, which names the erased acts by number and the client by nothing.
        """
        with self._write() as connection:
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
            for table, where in reversed(part.rows()):
                connection.execute(delete(table).where(where))
            connection.execute(delete(runs).where(runs.c.run.in_(part.alone)))
            orders = _without(connection, part)
            hidden: dict[str, Any] = {"subject": "erased", "run": None, "details": {}, "salt": None}
            for some in _slices(numbers):
                connection.execute(update(acts).where(acts.c.id.in_(some)).values(**hidden))
            details = {"acts": numbers, "orders": orders, "rows": counted}
            add_act(connection, self.operator, "erase", "a client", details=details)
        self._vacuum()
        return Erased(counted, len(numbers), len(orders))


@dataclass(frozen=True, slots=True)
class _Part:
    client: str
    sites: tuple[str, ...]
    runs: tuple[str, ...]
    """With a site of the client."""
    alone: tuple[str, ...]
    """With sites of the client only."""

    def rows(self) -> list[tuple[Table, ColumnElement[bool]]]:
        """Tables and which of their rows are the client's, parents before children."""
        of_runs = [run_sites, steps, changes, segments, restore_points]
        found: list[tuple[Table, ColumnElement[bool]]] = [
            (table, table.c.run.in_(self.runs) & table.c.site.in_(self.sites)) for table in of_runs
        ]
        found += [(table, table.c.site.in_(self.sites)) for table in (looks, sightings, holds, auto_updates)]
        found += [(backups, or_(backups.c.client == self.client, backups.c.site.in_(self.sites)))]
        found += [(windows, or_(windows.c.client == self.client, windows.c.run.in_(self.alone)))]
        found += [(table, table.c.client == self.client) for table in (schedules, reports, deliveries)]
        return found

    def concerns(self, act: Any) -> bool:
        """Whether an act is about this client."""
        if act["run"] is not None:
            return act["run"] in self.runs
        details = act["details"]
        return details.get("client") == self.client or details.get("site") in self.sites


def _count(table: Table) -> Select[Any]:
    return select(func.count()).select_from(table)


def _part(connection: Connection, client: str, sites: Sequence[str]) -> _Part:
    mine = select(run_sites.c.site).where(run_sites.c.client == client).distinct()
    kept = select(backups.c.site).where(backups.c.client == client).distinct()
    names = {*sites, *connection.execute(mine).scalars(), *connection.execute(kept).scalars()}
    in_runs = set(connection.execute(select(run_sites.c.run).where(run_sites.c.client == client)).scalars())
    others = set(connection.execute(select(run_sites.c.run).where(run_sites.c.client != client)).scalars())
    return _Part(client, tuple(sorted(names)), tuple(sorted(in_runs)), tuple(sorted(in_runs - others)))


def _without(connection: Connection, part: _Part) -> dict[str, str]:
    """Take the client out of the orders of shared runs; the new digest of each."""
    orders = {}
    for run in sorted({*part.runs} - {*part.alone}):
        text = connection.execute(select(runs.c.order_text).where(runs.c.run == run)).scalar_one()
        shorter = _shortened(text, part)
        connection.execute(update(runs).where(runs.c.run == run).values(order_text=shorter))
        orders[run] = text_digest(shorter)
    return orders


def _shortened(text: str, part: _Part) -> str:
    try:
        order = json.loads(text)
    except ValueError:
        return "{}"
    if not isinstance(order, dict) or "sites" not in order:
        return text
    gone = {*part.sites}
    order["sites"] = [site for site in order["sites"] if site["name"] not in gone]
    order["rings"] = [[name for name in ring if name not in gone] for ring in order["rings"]]
    order["clients"] = {name: one for name, one in order["clients"].items() if name != part.client}
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
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _slices(numbers: list[int], size: int = 500) -> list[list[int]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
