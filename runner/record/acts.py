"""Acts: who began, resumed, undid, trusted or erased what, each chained to the one before."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from runner.errors import ChangedOrderError
from runner.record.chain import START, Link, seal, text_digest
from runner.record.operators import Operator
from runner.record.prose import clean_json
from runner.record.schema import acts, instant_text, runs
from runner.record.store import Store, now
from runner.record.views import ActView
from runner.untrusted import sentence

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["ActBook", "Verdict", "add_act", "refuse_another_order"]

_ORDER = "order_sha256"
_SUBJECT = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: how many acts, the hash of the last one, and the first thing that does not fit."""

    acts: int
    head: str
    problem: str = ""


class ActBook(Store):
    """Writing and checking acts."""

    def record_act(
        self, act: str, subject: str, *, run: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        """Write down that the operator of this process did something."""
        with self._write() as connection:
            add_act(connection, self.operator, act, subject, run=run, details=details)

    def list_acts(self, run: str | None = None, *, limit: int | None = None) -> tuple[ActView, ...]:
        """Acts, oldest first; only those of a run, if one is named."""
        query = select(acts).order_by(acts.c.id).limit(limit)
        if run is not None:
            query = query.where(acts.c.run == run)
        with self._read() as connection:
            return tuple(act_view(row) for row in connection.execute(query).mappings())

    def verify_acts(self, head: str = "") -> Verdict:
        """Check every link, and every run against the order that was recorded with its act.

        Args:
            head: a hash that was noted earlier, which must be in the chain still.
        """
        with self._read() as connection:
            rows = connection.execute(select(acts).order_by(acts.c.id)).mappings().all()
            last = rows[-1]["hash"] if rows else START
            problem = next(_mistakes(connection, rows), "")
        if not problem and head and head not in {START, *(row["hash"] for row in rows)}:
            problem = f"no act has the noted hash {head[:64]}: the chain was cut or written anew"
        return Verdict(len(rows), last, problem)


def add_act(
    connection: Connection,
    operator: Operator,
    act: str,
    subject: str,
    *,
    run: str | None = None,
    details: Mapping[str, Any] | None = None,
    order_text: str | None = None,
    at: datetime | None = None,
) -> int:
    """The one place where an act is written; returns its number. The transaction must hold the write lock."""
    last = connection.execute(
        select(acts.c.id, acts.c.hash).order_by(acts.c.id.desc()).limit(1)
    ).one_or_none()
    kept = clean_json(dict(details or {}))
    if order_text is not None:
        kept[_ORDER] = text_digest(order_text)
    subject, salt, instant = sentence(subject, _SUBJECT), secrets.token_hex(16), at or now()
    link = Link(
        id=(last.id if last else 0) + 1,
        at=instant_text(instant),
        act=act,
        operator=operator.name,
        login=operator.login,
        host=operator.host,
        seal=seal(salt, subject, run, kept),
        previous=last.hash if last else START,
    )
    row = {name: getattr(link, name) for name in Link.__slots__}
    row |= {"at": instant, "subject": subject, "run": run, "details": kept, "salt": salt, "hash": link.hash}
    connection.execute(insert(acts), row)
    return link.id


def refuse_another_order(connection: Connection, run: str, order_text: str) -> None:
    """Raise ChangedOrderError where a run's order is not the one that its act recorded."""
    of_it = select(acts).where((acts.c.run == run) | (acts.c.act == "erase")).order_by(acts.c.id)
    recorded = _orders(connection.execute(of_it).mappings()).get(run)
    if recorded == text_digest(order_text):
        return
    what = "is not the one that was recorded when it began" if recorded else "was recorded by no act"
    raise ChangedOrderError(
        f"the order of run {run} {what}",
        hint="somebody may have changed the ledger: see `sitecrew ledger verify`; put a good copy of it back",
    )


def act_view(row: RowMapping) -> ActView:
    """A row of `acts`."""
    return ActView(**{name: row[name] for name in ActView.__slots__})


def _orders(rows: Any) -> dict[str, str]:
    """The digest that each run's order must have: of its first act, or of the erasure that shortened it."""
    orders: dict[str, str] = {}
    for row in rows:
        if row["run"] is not None and _ORDER in row["details"]:
            orders.setdefault(row["run"], row["details"][_ORDER])
        if row["act"] == "erase":
            orders |= row["details"].get("orders", {})
    return orders


def _mistakes(connection: Connection, rows: Any) -> Iterator[str]:
    erased = {number for row in rows if row["act"] == "erase" for number in row["details"].get("acts", ())}
    previous = START
    for number, row in enumerate(rows, 1):
        yield from _of_row(row, number, previous, erased)
        previous = row["hash"]
    orders = _orders(rows)
    kept = connection.execute(select(runs.c.run, runs.c.order_text))
    found: dict[str, str] = {row.run: row.order_text for row in kept}
    for run, text in found.items():
        if run not in orders:
            yield f"run {run} was begun by no act"
        elif orders[run] != text_digest(text):
            yield f"run {run}: its order is not the one that was recorded when it began"
    for row in rows:
        if row["run"] is not None and row["run"] not in found:
            yield f"act {row['id']} ({row['act']} {row['subject']}): its run is not in the ledger"


def _of_row(row: RowMapping, number: int, previous: str, erased: set[int]) -> Iterator[str]:
    name = f"act {row['id']} ({row['act']} {row['subject']})"
    if row["id"] != number:
        yield f"act {number} is missing"
    link = Link(**{key: row[key] for key in Link.__slots__ if key != "at"}, at=instant_text(row["at"]))
    if row["previous"] != previous:
        yield f"{name} does not follow the one before it"
    if link.hash != row["hash"]:
        yield f"{name} was changed: its hash does not fit"
    if row["salt"] is None:
        if row["id"] not in erased:
            yield f"{name}: its details were removed by no recorded erasure"
    elif seal(row["salt"], row["subject"], row["run"], row["details"]) != row["seal"]:
        yield f"{name} was changed: its details do not fit"
