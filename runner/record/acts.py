"""Acts: who started, resumed, undid, trusted or erased what. Each act is chained to the previous one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from runner.errors import ChangedOrderError
from runner.record.chain import START, Link, seal, text_digest
from runner.record.operators import Operator
from runner.record.prose import clean_json
from runner.record.schema import acts, instant_text, runs
from runner.record.store import Records, now
from runner.record.views import ActView
from runner.untrusted import sentence

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["Acts", "ChainCheck", "act_view", "add_act", "check_order", "last_act"]

_ORDER = "order_sha256"
_SUBJECT = 300


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The result of `verify`: the number of acts, the hash of the last one, and the first problem."""

    acts: int
    head: str
    problem: str = ""


class Acts(Records):
    """All acts of operators."""

    def record(
        self, act: str, subject: str, *, run: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        """Record an act of the operator of this process."""
        with self._store.write() as connection:
            add_act(connection, self._store.operator, act, subject, run=run, details=details)

    def list(self, run: str | None = None, *, limit: int | None = None) -> tuple[ActView, ...]:
        """Return acts, oldest first; with `run`, only the acts on that run."""
        query = select(acts).order_by(acts.c.id).limit(limit)
        if run is not None:
            query = query.where(acts.c.run == run)
        with self._store.read() as connection:
            return tuple(act_view(row) for row in connection.execute(query).mappings())

    def last_at(self) -> datetime | None:
        """Return the time of the last act; None if there is none."""
        query = select(acts.c.at).order_by(acts.c.id.desc()).limit(1)
        with self._store.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def verify(self, head: str = "") -> ChainCheck:
        """Check every link of the chain, and every run's order against the act that started the run.

        Args:
            head: a hash noted earlier that must still be in the chain.
        """
        with self._store.read() as connection:
            rows = connection.execute(select(acts).order_by(acts.c.id)).mappings().all()
            last = rows[-1]["hash"] if rows else START
            problem = next(_problems(connection, rows), "")
        if not problem and head and head not in {START, *(row["hash"] for row in rows)}:
            problem = f"no act has the hash {head[:64]}: the chain was truncated or rewritten"
        return ChainCheck(len(rows), last, problem)


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
    """Append an act to the chain in the caller's write transaction; return its number.

    Nothing else writes acts.
    """
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


def last_act(connection: Connection, run: str) -> tuple[str, str] | None:
    """Return the last act on a run and its operator."""
    last = select(func.max(acts.c.id)).where(acts.c.run == run).scalar_subquery()
    row = connection.execute(select(acts.c.act, acts.c.operator).where(acts.c.id == last)).one_or_none()
    return None if row is None else (row.act, row.operator)


def check_order(connection: Connection, run: str, order_text: str) -> None:
    """Raise ChangedOrderError if a run's order differs from the one that its act recorded."""
    relevant = select(acts).where((acts.c.run == run) | (acts.c.act == "erase")).order_by(acts.c.id)
    recorded = _orders(connection.execute(relevant).mappings()).get(run)
    if recorded == text_digest(order_text):
        return
    raise ChangedOrderError(
        f"the order of run {run} was changed after the run started"
        if recorded
        else f"the order of run {run} was not recorded by any act",
        hint="the ledger may have been tampered with: run `sitecrew ledger verify`, or restore a good copy",
    )


def act_view(row: RowMapping) -> ActView:
    """Convert a row of `acts`."""
    return ActView(**{name: row[name] for name in ActView.__slots__})


def _orders(rows: Any) -> dict[str, str]:
    """Return the digest that each run's order must have, from its first act or from a later erasure."""
    orders: dict[str, str] = {}
    for row in rows:
        if row["run"] is not None and _ORDER in row["details"]:
            orders.setdefault(row["run"], row["details"][_ORDER])
        if row["act"] == "erase":
            orders |= row["details"].get("orders", {})
    return orders


@dataclass(frozen=True, slots=True)
class _Prunings:
    """Runs that are old enough for a recorded pruning of their details, or of the runs themselves."""

    details: frozenset[str]
    history: frozenset[str]

    @classmethod
    def of(cls, rows: Any) -> _Prunings:
        started: dict[str, datetime] = {}
        for row in rows:
            if row["run"] is not None:
                started.setdefault(row["run"], row["at"])

        def before(name: str) -> frozenset[str]:
            cut = max((row["details"].get(name, "") for row in rows if row["act"] == "prune"), default="")
            return frozenset(run for run, at in started.items() if instant_text(at) < cut)

        return cls(before("details"), before("history"))


def _problems(connection: Connection, rows: Any) -> Iterator[str]:
    erased = {number for row in rows if row["act"] == "erase" for number in row["details"].get("acts", ())}
    previous = START
    for number, row in enumerate(rows, 1):
        yield from _problems_of_act(row, number, previous, erased)
        previous = row["hash"]
    orders = _orders(rows)
    pruned = _Prunings.of(rows)
    kept = connection.execute(select(runs.c.run, runs.c.order_text, runs.c.pruned))
    found = set[str]()
    for run, text, emptied in kept:
        found.add(run)
        if run not in orders:
            yield f"run {run} was not started by any act"
        elif orders[run] != text_digest(text) and not (emptied and not text and run in pruned.details):
            yield f"run {run}: its order was changed after the run started"
    for row in rows:
        if row["run"] is not None and row["run"] not in found and row["run"] not in pruned.history:
            yield f"act {row['id']} ({row['act']} {row['subject']}): its run is not in the ledger"


def _problems_of_act(row: RowMapping, number: int, previous: str, erased: set[int]) -> Iterator[str]:
    name = f"act {row['id']} ({row['act']} {row['subject']})"
    if row["id"] != number:
        yield f"act {number} is missing"
    link = Link(**{key: row[key] for key in Link.__slots__ if key != "at"}, at=instant_text(row["at"]))
    if row["previous"] != previous:
        yield f"{name} does not follow the previous act"
    if link.hash != row["hash"]:
        yield f"{name} was changed: its hash does not match"
    if row["salt"] is None:
        if row["id"] not in erased:
            yield f"{name}: its details were removed without a recorded erasure"
    elif seal(row["salt"], row["subject"], row["run"], row["details"]) != row["seal"]:
        yield f"{name} was changed: its details do not match"
