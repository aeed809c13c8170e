"""Runs: created once, claimed by one process, finished with an outcome, reopened by `resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, true, update

from runner.errors import ChangedOrderError, SitecrewError, UnknownNameError, UsageError
from runner.model import RESUMABLE, Outcome, State
from runner.record.acts import add_act, last_act
from runner.record.approvals import is_unchanged
from runner.record.leases import end_lease
from runner.record.queries import RunQueries, order_of
from runner.record.schema import run_sites, runs, segments, steps
from runner.record.store import insert_new, now
from runner.record.views import NewRun, OrderedSite
from runner.record.websites import ensure_website
from runner.record.windows import open_window, review_window

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from runner.record.operators import Operator

__all__ = ["Runs", "TakenOver"]

_RESUMABLE = tuple(outcome.value for outcome in RESUMABLE)


@dataclass(slots=True)
class TakenOver:
    """The result of `Runs.take_over`."""

    runs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of the sites of each claimed run that wait again, in ring order."""
    errors: dict[str, SitecrewError] = field(default_factory=dict)


class Runs(RunQueries):
    """Runs as a whole. `Sites`, `Steps` and `Jobs` record what happens in them."""

    def create(self, new: NewRun) -> bool:
        """Record a run with its sites and their steps, all without an outcome.

        Returns:
            False if the opening is decided already, its approval was answered again, or a run with this id
            exists. Nothing is changed then.
        """
        with self._store.write() as connection:
            if new.approval is not None and not is_unchanged(connection, new.approval):
                return False
            if new.opening is not None and not open_window(connection, new.opening):
                return False
            if not insert_new(connection, runs, _run_row(new)):
                return new.opening is not None
            if new.sites:
                connection.execute(
                    insert(run_sites), [_site_row(connection, new, site) for site in new.sites]
                )
            if step_rows := _step_rows(new):
                connection.execute(insert(steps), step_rows)
            add_act(
                connection,
                self._store.operator,
                new.act,
                new.run,
                run=new.run,
                details={"playbook": new.playbook, "sites": len(new.sites), "trigger": new.trigger},
                order_text=new.order_text,
            )
        return True

    def claim(self, run: str, executor: str, *, at: datetime | None = None) -> bool:
        """Assign a run to a process. Return False if another process that is alive works on it.

        An expired lease of the process that had the run is taken over: if that process still exists, it finds
        this out at its next renewal and starts nothing more.

        Raises:
            UnknownNameError: there is no such run.
        """
        with self._store.write() as connection:
            return _claim(connection, run, executor, at or now())

    def take_over(self, acts: Mapping[str, str], executor: str) -> TakenOver:
        """Claim several runs and start the next attempt of each, in one transaction.

        Args:
            acts: by run, what is done, as in `reopen`.
            executor: the process that takes them over.

        Returns:
            The runs that were claimed, and the errors of the others. Runs of living processes are in neither.
        """
        found, at = TakenOver(), now()
        with self._store.write() as connection:
            for run, act in acts.items():
                try:
                    if _claim(connection, run, executor, at):
                        found.runs[run] = _reopen(connection, self._store.operator, run, act)
                except (ChangedOrderError, UnknownNameError, UsageError) as error:
                    found.errors[run] = error
        return found

    def reopen(self, run: str, *, act: str = "resume") -> tuple[str, ...]:
        """Start the next attempt of a run.

        Sites that have no outcome, or are lost, unreachable, cancelled or missed, wait again; so do their
        steps with such an outcome. All other outcomes stay. Jobs stay too: one that is `started` still runs
        on the host and can be attached to.

        Args:
            run: the run's id.
            act: what the operator did: `resume`, `cancel`, or `settle`, after which only sites without an
                outcome wait again, and those on which a job may be running.

        Returns:
            The names of the sites that wait again, in ring order.

        Raises:
            UnknownNameError: there is no such run.
            ChangedOrderError: its order is not the one that was recorded when the run started.
            UsageError: its order was pruned.
        """
        with self._store.write() as connection:
            return _reopen(connection, self._store.operator, run, act)

    def set_state(self, run: str, state: State) -> bool:
        """Set an unfinished run to running or cancelling; return False if it has ended."""
        with self._store.write() as connection:
            found = connection.execute(
                update(runs)
                .where(runs.c.run == run, runs.c.state != State.ENDED.value)
                .values(state=state.value),
            )
        return found.rowcount == 1

    def finished(self, run: str, outcome: Outcome, at: datetime) -> None:
        """Record how a run ended.

        Raises:
            UnknownNameError: there is no such run.
        """
        with self._store.write() as connection:
            found = connection.execute(
                update(runs)
                .where(runs.c.run == run)
                .values(state=State.ENDED.value, outcome=outcome.value, finished=at),
            )
            if found.rowcount == 0:
                raise _unknown(run)
            review_window(connection, run)


def _unknown(run: str) -> UnknownNameError:
    return UnknownNameError(f"no run {run!r}", hint="see `sitecrew list runs`")


def _claim(connection: Connection, run: str, executor: str, at: datetime) -> bool:
    row = connection.execute(select(runs.c.executor).where(runs.c.run == run)).one_or_none()
    if row is None:
        raise _unknown(run)
    holder = row.executor
    if holder not in {None, executor} and not end_lease(connection, holder, by=executor, at=at):
        return False
    connection.execute(update(runs).where(runs.c.run == run).values(executor=executor))
    return True


def _reopen(connection: Connection, operator: Operator, run: str, act: str) -> tuple[str, ...]:
    if order_of(connection, run) is None:
        raise _unknown(run)
    state = State.CANCELLING if act == "cancel" else State.RUNNING
    if act == "resume" or last_act(connection, run) != (act, operator.name):  # hosts are asked repeatedly
        add_act(connection, operator, act, run, run=run)
    connection.execute(
        update(runs)
        .where(runs.c.run == run)
        .values(attempt=runs.c.attempt + 1, state=state.value, outcome=None, finished=None),
    )
    return _reset_sites(connection, run, settle=act == "settle")


def _reset_sites(connection: Connection, run: str, *, settle: bool) -> tuple[str, ...]:
    """Make the resumable sites of a run and their steps wait again; return the sites in ring order.

    With `settle`, only those without an outcome, and those on which a job may still be running.
    """
    started = select(segments.c.site).where(segments.c.run == run, segments.c.state == "started")
    which = run_sites.c.site.in_(started) if settle else true()
    resumable = run_sites.c.outcome.in_(_RESUMABLE) & which
    again = (run_sites.c.run == run) & (run_sites.c.outcome.is_(None) | resumable)
    ordered = select(run_sites.c.site).where(again).order_by(run_sites.c.ring, run_sites.c.position)
    sites = tuple(connection.execute(ordered).scalars())
    connection.execute(
        update(steps)
        .where(steps.c.run == run, steps.c.site.in_(sites), steps.c.outcome.in_(_RESUMABLE))
        .values(outcome=None, why="", seconds=None, started=None, finished=None, output=""),
    )
    connection.execute(
        update(run_sites).where(again).values(state=State.WAITING.value, outcome=None, why="", finished=None),
    )
    return sites


def _run_row(new: NewRun) -> dict[str, object]:
    return {
        "run": new.run,
        "playbook": new.playbook,
        "title": new.title,
        "trigger": new.trigger,
        "window": new.window,
        "order_text": new.order_text,
        "state": State.RUNNING.value,
        "executor": new.executor,
        "started": new.started,
        "undoes": new.undoes,
    }


def _site_row(connection: Connection, new: NewRun, site: OrderedSite) -> dict[str, object]:
    return {
        "run": new.run,
        "site": site.site,
        "client": site.client,
        "host": site.host,
        "ring": site.ring,
        "position": site.position,
        "state": State.WAITING.value,
        "website": ensure_website(connection, site.site, new.started, client=site.client, host=site.host),
    }


def _step_rows(new: NewRun) -> list[dict[str, object]]:
    return [
        {
            "run": new.run,
            "site": site.site,
            "step": step.step,
            "position": position,
            "kind": step.kind,
            "title": step.title,
        }
        for site in new.sites
        for position, step in enumerate(new.steps)
    ]
