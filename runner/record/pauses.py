"""Pauses: until a day, no window of a client is started."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, select, update

from runner.record.acts import add_act
from runner.record.schema import pauses
from runner.record.store import Records, now
from runner.record.views import PauseView

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["Pauses", "pauses_by_client"]


class Pauses(Records):
    """The pauses of all clients."""

    def pause(
        self, client: str, *, until: date, ends: datetime, why: str, at: datetime | None = None
    ) -> PauseView | None:
        """Pause a client as the operator of this process; return the pause that this one replaces.

        Args:
            client: its id.
            until: the last day, in the client's time zone.
            ends: when that day ends.
            why: the reason; may be empty.
            at: since when.
        """
        at, who = at or now(), self._store.operator
        with self._store.write() as connection:
            replaced = _end(connection, client, at, who.name)
            row = {"client": client, "since": at, "until": until, "ends": ends, "why": why}
            connection.execute(insert(pauses).values(**row, operator=who.name))
            details = {"client": client, "until": until.isoformat(), "why": why}
            add_act(connection, who, "pause", client, details=details, at=at)
        return replaced

    def resume(self, client: str, *, at: datetime | None = None) -> PauseView | None:
        """End the pause of a client as the operator of this process; return it, or None if there is none."""
        at, who = at or now(), self._store.operator
        with self._store.write() as connection:
            ended = _end(connection, client, at, who.name)
            if ended:
                details = {"client": client, "until": ended.until.isoformat()}
                add_act(connection, who, "resume", client, details=details, at=at)
        return ended

    def in_force(self, at: datetime | None = None) -> tuple[PauseView, ...]:
        """Return the pauses that are in force, by client."""
        query = select(pauses).where(_in_force(at or now())).order_by(pauses.c.client, pauses.c.id)
        with self._store.read() as connection:
            return tuple(PauseView(**row) for row in connection.execute(query).mappings())


def pauses_by_client(connection: Connection, client: str | None = None) -> dict[str, tuple[PauseView, ...]]:
    """Return all pauses by client, past ones too; of one client if it is given."""
    query = select(pauses).order_by(pauses.c.id)
    if client is not None:
        query = query.where(pauses.c.client == client)
    found: dict[str, tuple[PauseView, ...]] = {}
    for row in connection.execute(query).mappings():
        found[row["client"]] = (*found.get(row["client"], ()), PauseView(**row))
    return found


def _in_force(at: datetime) -> ColumnElement[bool]:
    return (pauses.c.ends > at) & or_(pauses.c.resumed.is_(None), pauses.c.resumed > at)


def _end(connection: Connection, client: str, at: datetime, operator: str) -> PauseView | None:
    """End the pauses of a client that are in force; return the latest of them."""
    mine = (pauses.c.client == client) & _in_force(at)
    row = connection.execute(select(pauses).where(mine).order_by(pauses.c.id.desc())).mappings().first()
    if row is None:
        return None
    connection.execute(update(pauses).where(mine).values(resumed=at, resumed_by=operator))
    return PauseView(**row)
