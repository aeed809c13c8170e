"""Approvals: plans of openings that were made ahead of time, and the answers of the crew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select, update

from runner.errors import LockedError
from runner.record.acts import add_act
from runner.record.schema import approvals, schedules, windows
from runner.record.store import Records, insert_new, now
from runner.record.views import ApprovalState, ApprovalView, NewApproval
from runner.shell import command

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

__all__ = ["Approvals", "is_unchanged", "mark_noticed", "undecided_approvals"]

_ACTS = {ApprovalState.APPROVED: "approve", ApprovalState.DECLINED: "decline"}
_COLUMNS = [column for column in approvals.c if column.name in ApprovalView.__slots__]


class Approvals(Records):
    """The approvals of all openings."""

    def add(self, new: NewApproval) -> bool:
        """Record a plan; False if the opening has one already. One that could not be made is replaced."""
        row = {**asdict(new), "state": new.state.value, "sites": list(new.sites)}
        failed = approvals.c.state == ApprovalState.FAILED.value
        if new.state is not ApprovalState.FAILED:
            row["noticed"] = new.made if new.state is ApprovalState.UNNEEDED else None
        with self._store.write() as connection:
            if insert_new(connection, approvals, row):
                return True
            mine = _is_opening(new.window, new.client, new.starts)
            return connection.execute(update(approvals).where(mine, failed).values(**row)).rowcount == 1

    def get(self, window: str, client: str, starts: datetime) -> ApprovalView | None:
        """Return the approval of an opening; None if it has no plan."""
        query = _query().where(_is_opening(window, client, starts))
        with self._store.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _view(row) if row else None

    def plan(self, one: int) -> str:
        """Return a locked plan as text; empty if none could be made."""
        with self._store.read() as connection:
            return connection.execute(select(approvals.c.plan).where(approvals.c.id == one)).scalar() or ""

    def list(self, *, since: datetime | None = None, limit: int | None = None) -> tuple[ApprovalView, ...]:
        """Return approvals, latest start first; with `since`, those whose latest start is not before."""
        query = _query().order_by(approvals.c.starts.desc(), approvals.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(approvals.c.until >= since)
        with self._store.read() as connection:
            return tuple(map(_view, connection.execute(query).mappings()))

    def answer(
        self,
        chosen: Sequence[ApprovalView],
        state: ApprovalState,
        why: str = "",
        *,
        at: datetime | None = None,
    ) -> None:
        """Record the answer of the operator of this process to plans, for all of them or none.

        Raises:
            LockedError: one of the openings was started, skipped or missed, or its plan was replaced.
        """
        at, who = at or now(), self._store.operator
        values = {"state": state.value, "why": why, "operator": who.name, "answered": at}
        with self._store.write() as connection:
            for one in chosen:
                unchanged = (approvals.c.id == one.id) & (approvals.c.made == one.made) & ~_decided()
                if connection.execute(update(approvals).where(unchanged).values(**values)).rowcount != 1:
                    raise LockedError(
                        f"{one.run} has just been decided, or has a new plan",
                        hint=f"see: {command('list', 'approvals')}",
                    )
                details = {"window": one.window, "client": one.client, "sites": list(one.sites), "why": why}
                add_act(connection, who, _ACTS[state], one.run, details=details, at=at)

    def unnoticed(self) -> tuple[ApprovalView, ...]:
        """Return approvals that the crew is not notified of yet, oldest first."""
        query = _query().where(approvals.c.noticed.is_(None)).order_by(approvals.c.starts, approvals.c.id)
        with self._store.read() as connection:
            return tuple(map(_view, connection.execute(query).mappings()))


def undecided_approvals(
    connection: Connection, client: str | None = None
) -> dict[tuple[str, str], tuple[ApprovalView, ...]]:
    """Return the approvals of openings that no schedule has decided, by window and client.

    With `client`, only those of this client.
    """
    undecided = (
        (schedules.c.window == approvals.c.window)
        & (schedules.c.client == approvals.c.client)
        & schedules.c.until.is_(None)
        & (schedules.c.settled < approvals.c.starts)
    )
    query = _query().select_from(schedules).join(approvals, undecided)
    if client is not None:
        query = query.where(approvals.c.client == client)
    found: dict[tuple[str, str], tuple[ApprovalView, ...]] = {}
    for row in connection.execute(query).mappings():
        key = row["window"], row["client"]
        found[key] = (*found.get(key, ()), _view(row))
    return found


def is_unchanged(connection: Connection, one: ApprovalView) -> bool:
    """Whether nobody has answered since an approval was read."""
    same = (
        (approvals.c.id == one.id) & (approvals.c.made == one.made) & (approvals.c.state == one.state.value)
    )
    return connection.execute(select(approvals.c.id).where(same)).first() is not None


def _query() -> Select[Any]:
    return select(*_COLUMNS, _decided().label("decided"))


def _decided() -> ColumnElement[bool]:
    """Whether the opening was started, skipped or missed."""
    return exists().where(
        windows.c.window == approvals.c.window,
        windows.c.client == approvals.c.client,
        windows.c.site == "",
        windows.c.starts == approvals.c.starts,
    )


def _is_opening(window: str, client: str, starts: datetime) -> ColumnElement[bool]:
    return (approvals.c.window == window) & (approvals.c.client == client) & (approvals.c.starts == starts)


def _view(row: RowMapping) -> ApprovalView:
    fields = {name: row[name] for name in ApprovalView.__slots__}
    fields |= {
        "state": ApprovalState(row["state"]),
        "sites": tuple(row["sites"]),
        "decided": bool(row["decided"]),
    }
    return ApprovalView(**fields)


def mark_noticed(connection: Connection, found: Iterable[ApprovalView], at: datetime) -> None:
    """Record that the crew is notified of plans."""
    for one in found:
        same = (approvals.c.id == one.id) & (approvals.c.made == one.made)
        connection.execute(update(approvals).where(same).values(noticed=at))
