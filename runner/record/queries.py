"""Queries about runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from runner.errors import UnknownNameError, UsageError
from runner.model import RESUMABLE, Outcome, State, Trigger
from runner.record.acts import act_view, check_order
from runner.record.details import optional_outcome, read_sites
from runner.record.open_runs import IS_OPEN
from runner.record.processes import stopped_at
from runner.record.schema import acts, leases, run_sites, runs
from runner.record.store import Records, now
from runner.record.views import LEASE, LeaseView, OpenRun, RunSummary, RunView
from runner.record.websites import find_website

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

__all__ = ["RunQueries", "order_of", "unknown_run"]


class RunQueries(Records):
    """Reading runs."""

    def show(self, run: str) -> RunView:
        """Return everything about a run.

        Raises:
            UnknownNameError: there is no run with exactly this id (`find` accepts prefixes).
        """
        with self._store.read() as connection:
            found = _summaries(connection, select(runs).where(runs.c.run == run))
            if not found:
                raise unknown_run(connection, run)
            mine = select(acts).where(acts.c.run == run).order_by(acts.c.id)
            done = tuple(act_view(row) for row in connection.execute(mine).mappings())
            return RunView(summary=found[0], sites=read_sites(connection, run), acts=done)

    def summary(self, run: str) -> RunSummary:
        """Return the summary of a run.

        Raises:
            UnknownNameError: there is no run with exactly this id.
        """
        with self._store.read() as connection:
            found = _summaries(connection, select(runs).where(runs.c.run == run))
            if not found:
                raise unknown_run(connection, run)
            return found[0]

    def list(
        self,
        limit: int | None = 50,
        *,
        playbook: str | None = None,
        site: str | None = None,
        state: State | None = None,
    ) -> tuple[RunSummary, ...]:
        """Return the latest runs, newest first."""
        query = select(runs).order_by(runs.c.started.desc(), runs.c.run.desc()).limit(limit)
        if playbook is not None:
            query = query.where(runs.c.playbook == playbook)
        if state is not None:
            query = query.where(runs.c.state == state.value)
        if site is not None:
            query = query.where(runs.c.run.in_(select(run_sites.c.run).where(run_sites.c.site == site)))
        with self._store.read() as connection:
            return _summaries(connection, query)

    def list_unfinished(
        self, *, trigger: str | None = None, window: str | None = None, client: str | None = None
    ) -> tuple[RunSummary, ...]:
        """Return all runs that have not ended, in progress or interrupted, newest first.

        Args:
            trigger: only runs with this trigger.
            window: only runs of this window.
            client: only runs with a site that belonged to this client.
        """
        query = select(runs).where(IS_OPEN)
        if trigger is not None:
            query = query.where(runs.c.trigger == trigger)
        if window is not None:
            query = query.where(runs.c.window == window)
        if client is not None:
            mine = (run_sites.c.run == runs.c.run) & (run_sites.c.client == client)
            query = query.where(select(run_sites.c.run).where(mine).exists())
        with self._store.read() as connection:
            return _summaries(connection, query.order_by(runs.c.started.desc(), runs.c.run.desc()))

    def list_open(self) -> tuple[OpenRun, ...]:
        """Return the runs that have not ended, oldest first. Cheap, to be asked each second."""
        query = select(runs.c.run, runs.c.trigger, runs.c.state, runs.c.executor).where(IS_OPEN)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(runs.c.started, runs.c.run))
            return tuple(OpenRun(row.run, row.trigger, State(row.state), row.executor) for row in rows)

    def list_interrupted(self) -> tuple[RunSummary, ...]:
        """Return the runs that have not ended and have no live process, newest first."""
        return tuple(run for run in self.list_unfinished() if run.interrupted is not None)

    def list_resumable(self) -> tuple[RunSummary, ...]:
        """Return ended runs with resumable sites that no later run has worked on, newest first.

        Commands of `sitecrew exec` are left out, and do not count as later work.
        """
        later_sites, later_runs = run_sites.alias(), runs.alias()
        superseded = (
            select(later_sites.c.run)
            .join(later_runs, later_runs.c.run == later_sites.c.run)
            .where(
                later_sites.c.site == run_sites.c.site,
                later_runs.c.started > runs.c.started,
                later_sites.c.outcome != Outcome.SKIPPED.value,
                later_runs.c.trigger != Trigger.EXEC.value,
            )
            .exists()
        )
        query = (
            select(runs)
            .join(run_sites, run_sites.c.run == runs.c.run)
            .where(
                runs.c.state == State.ENDED.value,
                runs.c.pruned.is_(None),
                runs.c.trigger != Trigger.EXEC.value,
                run_sites.c.outcome.in_([outcome.value for outcome in RESUMABLE]),
                ~superseded,
            )
            .distinct()
            .order_by(runs.c.started.desc(), runs.c.run.desc())
        )
        with self._store.read() as connection:
            return _summaries(connection, query)

    def last_of_playbook(self) -> str:
        """Return the id of the last run of a playbook; commands of `sitecrew exec` do not count.

        Raises:
            UnknownNameError: there is none.
        """
        of_playbooks = select(runs.c.run).where(runs.c.trigger != Trigger.EXEC.value)
        with self._store.read() as connection:
            last = connection.execute(
                of_playbooks.order_by(runs.c.started.desc(), runs.c.run.desc()).limit(1)
            ).scalar_one_or_none()
        if last is None:
            raise _no_runs()
        return str(last)

    def last_with_site(self, site: str) -> str:
        """Return the id of the last run that had a site, also under an earlier name.

        Raises:
            UnknownNameError: there is none.
        """
        with self._store.read() as connection:
            website = find_website(connection, site)
            last = connection.execute(
                select(runs.c.run)
                .join(run_sites, run_sites.c.run == runs.c.run)
                .where(run_sites.c.website == website)
                .order_by(runs.c.started.desc(), runs.c.run.desc())
                .limit(1)
            ).scalar_one_or_none()
        if last is None:
            raise UnknownNameError(f"no run had the site {site!r} yet", hint="see `sitecrew list runs`")
        return str(last)

    def find(self, name: str) -> str:
        """Return the id of a run, given its id, a unique prefix of it, or `last`.

        Raises:
            UnknownNameError: no run matches, several do, or the name is empty.
        """
        if not name.strip():
            raise UnknownNameError("the run id is empty", hint="see `sitecrew list runs`")
        with self._store.read() as connection:
            newest = select(runs.c.run).order_by(runs.c.started.desc(), runs.c.run.desc())
            if name == "last":
                last = connection.execute(newest.limit(1)).scalar_one_or_none()
                if last is None:
                    raise _no_runs()
                return str(last)
            if connection.execute(select(runs.c.run).where(runs.c.run == name)).first():
                return name
            matching = newest.where(runs.c.run.startswith(name, autoescape=True)).limit(2)
            found = connection.execute(matching).scalars().all()
            match found:
                case [one]:
                    return str(one)
                case [first, second]:
                    raise UnknownNameError(
                        f"several runs start with {name!r}",
                        hint=f"type more of it, for example {first} or {second}",
                    )
            raise unknown_run(connection, name)

    def order_text(self, run: str) -> str:
        """Return the order that was frozen when the run started.

        Raises:
            UnknownNameError: there is no run with exactly this id.
            ChangedOrderError: the order was changed since. It must not run on hosts.
            UsageError: the order was pruned.
        """
        with self._store.read() as connection:
            text = order_of(connection, run)
            if text is None:
                raise unknown_run(connection, run)
            return text

    def state(self, run: str) -> State:
        """Return whether a run is running, being cancelled, or ended.

        Raises:
            UnknownNameError: there is no run with exactly this id.
        """
        with self._store.read() as connection:
            state = connection.execute(select(runs.c.state).where(runs.c.run == run)).scalar_one_or_none()
            if state is None:
                raise unknown_run(connection, run)
            return State(state)


def order_of(connection: Connection, run: str) -> str | None:
    """Return the order of a run, None if there is no such run.

    Raises:
        ChangedOrderError: it was changed since the run started.
        UsageError: it was pruned.
    """
    query = select(runs.c.order_text, runs.c.pruned).where(runs.c.run == run)
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    if found.pruned is not None and not found.order_text:
        raise UsageError(
            f"the details of run {run} were pruned on {found.pruned:%Y-%m-%d}: it can only be shown",
            hint="`retention.details` in sitecrew.yaml is how long they are kept",
        )
    check_order(connection, run, found.order_text)
    return str(found.order_text)


def _summaries(connection: Connection, query: Select[Any]) -> tuple[RunSummary, ...]:
    rows = connection.execute(query).mappings().all()
    if not rows:  # as in most ticks of an idle scheduler
        return ()
    counted = select(run_sites.c.run, run_sites.c.outcome, func.count().label("count")).group_by(
        run_sites.c.run, run_sites.c.outcome
    )
    ids = [row["run"] for row in rows]
    by_run: dict[str, Counter[str | None]] = defaultdict(Counter)
    for run, outcome, count in connection.execute(counted.where(run_sites.c.run.in_(ids))):
        by_run[run][outcome] = count
    starters = select(acts.c.run, acts.c.operator).where(acts.c.run.in_(ids)).order_by(acts.c.id.desc())
    operators = {act.run: act.operator for act in connection.execute(starters)}
    interrupted = _interrupted(connection, [row for row in rows if row["state"] != State.ENDED.value])
    return tuple(
        _summary(row, by_run[row["run"]], operators.get(row["run"], ""), interrupted.get(row["run"]))
        for row in rows
    )


def _interrupted(connection: Connection, rows: Sequence[RowMapping]) -> dict[str, datetime]:
    """Return the runs without a live process, each with the last sign of life of its process."""
    at = now()
    found = connection.execute(
        select(leases).where(leases.c.executor.in_([row["executor"] for row in rows]))
    ).mappings()
    lease_of = {lease["executor"]: LeaseView(**lease) for lease in found}
    interrupted = {}
    for row in rows:
        if row["executor"] in lease_of:
            last = stopped_at(lease_of[row["executor"]], at)
        else:  # a new run is claimed immediately
            last = row["started"] if row["started"] < at - LEASE else None
        if last is not None:
            interrupted[row["run"]] = last
    return interrupted


_COUNTED = {"sites", "outcomes", "operator", "interrupted"}
"""Fields of a summary that are not columns of `runs`."""


def _summary(
    row: RowMapping, counts: Mapping[str | None, int], operator: str, interrupted: datetime | None
) -> RunSummary:
    fields: dict[str, Any] = {name: row[name] for name in RunSummary.__slots__ if name not in _COUNTED}
    return RunSummary(
        **fields
        | {
            "state": State(row["state"]),
            "outcome": optional_outcome(row["outcome"]),
            "operator": operator,
            "interrupted": interrupted,
            "sites": sum(counts.values()),
            "outcomes": {one: counts[one.value] for one in Outcome if one.value in counts},
        }
    )


def _no_runs() -> UnknownNameError:
    return UnknownNameError("there are no runs yet", hint="start one with `sitecrew run PLAYBOOK`")


def unknown_run(connection: Connection, name: str) -> UnknownNameError:
    """Return the error for a run that does not exist; its hint names the closest run."""
    newest = select(runs.c.run).order_by(runs.c.started.desc()).limit(200)
    known = connection.execute(newest).scalars().all()
    close = get_close_matches(name, known, 1, cutoff=0.5) or known[:1]
    hint = f"the closest is {close[0]}; see `sitecrew list runs`" if close else "there are no runs yet"
    return UnknownNameError(f"no run {name!r}", hint=hint)
