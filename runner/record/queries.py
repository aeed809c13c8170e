"""Questions about runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from runner.errors import UnknownNameError
from runner.model import RESUMABLE, Outcome, State
from runner.record.acts import act_view, refuse_another_order
from runner.record.autoupdates import auto_update_view
from runner.record.processes import stopped_at
from runner.record.schema import (
    acts,
    auto_updates,
    changes,
    leases,
    looks,
    restore_points,
    run_sites,
    runs,
    segments,
    steps,
)
from runner.record.store import Store, now
from runner.record.views import (
    LEASE,
    ChangeView,
    LeaseView,
    LookView,
    RestorePointView,
    RunSummary,
    RunView,
    SegmentView,
    SiteRow,
    SiteView,
    StepOutput,
    StepView,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

__all__ = ["RunQueries", "change_view", "look_view"]


class RunQueries(Store):
    """Reading about runs."""

    def show(self, run: str) -> RunView:
        """Everything about a run.

        Raises:
            UnknownNameError: no run of exactly that id (`find_run` knows prefixes).
        """
        with self._read() as connection:
            found = _summaries(connection, select(runs).where(runs.c.run == run))
            if not found:
                raise _unknown(connection, run)
            mine = select(acts).where(acts.c.run == run).order_by(acts.c.id)
            done = tuple(act_view(row) for row in connection.execute(mine).mappings())
            return RunView(summary=found[0], sites=_sites(connection, run), acts=done)

    def summary(self, run: str) -> RunSummary:
        """A run in one line.

        Raises:
            UnknownNameError: no run of exactly that id.
        """
        with self._read() as connection:
            found = _summaries(connection, select(runs).where(runs.c.run == run))
            if not found:
                raise _unknown(connection, run)
            return found[0]

    def list_runs(
        self,
        limit: int | None = 50,
        *,
        playbook: str | None = None,
        site: str | None = None,
        state: State | None = None,
    ) -> tuple[RunSummary, ...]:
        """The latest runs, newest first."""
        query = select(runs).order_by(runs.c.started.desc(), runs.c.run.desc()).limit(limit)
        if playbook is not None:
            query = query.where(runs.c.playbook == playbook)
        if state is not None:
            query = query.where(runs.c.state == state.value)
        if site is not None:
            query = query.where(runs.c.run.in_(select(run_sites.c.run).where(run_sites.c.site == site)))
        with self._read() as connection:
            return _summaries(connection, query)

    def open_runs(
        self, *, trigger: str | None = None, window: str | None = None, client: str | None = None
    ) -> tuple[RunSummary, ...]:
        """All runs that have not ended, newest first: those at work, and those that were interrupted.

        Args:
            trigger: who started them.
            window: of which window.
            client: with a site of this client, as recorded.
        """
        query = select(runs).where(runs.c.state != State.ENDED.value)
        if trigger is not None:
            query = query.where(runs.c.trigger == trigger)
        if window is not None:
            query = query.where(runs.c.window == window)
        if client is not None:
            query = query.where(runs.c.run.in_(select(run_sites.c.run).where(run_sites.c.client == client)))
        with self._read() as connection:
            return _summaries(connection, query.order_by(runs.c.started.desc(), runs.c.run.desc()))

    def interrupted_runs(self) -> tuple[RunSummary, ...]:
        """The runs that have not ended and that no process works on, newest first."""
        return tuple(run for run in self.open_runs() if run.interrupted is not None)

    def resumable_runs(self) -> tuple[RunSummary, ...]:
        """Ended runs with sites to resume on which no later run has worked, newest first."""
        later_sites, later_runs = run_sites.alias(), runs.alias()
        superseded = (
            select(later_sites.c.run)
            .join(later_runs, later_runs.c.run == later_sites.c.run)
            .where(
                later_sites.c.site == run_sites.c.site,
                later_runs.c.started > runs.c.started,
                later_sites.c.outcome != Outcome.SKIPPED.value,
            )
            .exists()
        )
        query = (
            select(runs)
            .join(run_sites, run_sites.c.run == runs.c.run)
            .where(
                runs.c.state == State.ENDED.value,
                run_sites.c.outcome.in_([outcome.value for outcome in RESUMABLE]),
                ~superseded,
            )
            .distinct()
            .order_by(runs.c.started.desc(), runs.c.run.desc())
        )
        with self._read() as connection:
            return _summaries(connection, query)

    def find_run(self, name: str) -> str:
        """The id of a run by its id, by the beginning of it, or `last`.

        Raises:
            UnknownNameError: there is none, or several begin so; an empty name is the beginning of none.
        """
        if not name.strip():
            raise UnknownNameError("the name of the run is empty", hint="see `sitecrew list runs`")
        with self._read() as connection:
            newest = select(runs.c.run).order_by(runs.c.started.desc(), runs.c.run.desc())
            if name == "last":
                last = connection.execute(newest.limit(1)).scalar_one_or_none()
                if last is None:
                    raise UnknownNameError("there is no run yet", hint="`sitecrew run PLAYBOOK` begins one")
                return str(last)
            if connection.execute(select(runs.c.run).where(runs.c.run == name)).first():
                return name
            begins = newest.where(runs.c.run.startswith(name, autoescape=True)).limit(2)
            found = connection.execute(begins).scalars().all()
            match found:
                case [one]:
                    return str(one)
                case [first, second]:
                    raise UnknownNameError(
                        f"several runs begin with {name!r}", hint=f"say more of it: {first} or {second}"
                    )
            raise _unknown(connection, name)

    def order_text(self, run: str) -> str:
        """The order as it was frozen when the run began.

        Raises:
            UnknownNameError: no run of exactly that id.
            ChangedOrderError: it is not the one that was recorded then: it would run on hosts.
        """
        with self._read() as connection:
            text = connection.execute(select(runs.c.order_text).where(runs.c.run == run)).scalar_one_or_none()
            if text is None:
                raise _unknown(connection, run)
            refuse_another_order(connection, run, text)
            return str(text)

    def run_state(self, run: str) -> State:
        """Whether a run goes on, is being cancelled, or has ended."""
        with self._read() as connection:
            state = connection.execute(select(runs.c.state).where(runs.c.run == run)).scalar_one_or_none()
            if state is None:
                raise _unknown(connection, run)
            return State(state)

    def site_rows(self, run: str) -> tuple[SiteRow, ...]:
        """Where each site of a run stands, in ring order."""
        with self._read() as connection:
            return tuple(_site_row(row) for row in connection.execute(_rows_of(run)).mappings())

    def unfinished_sites(self, run: str) -> tuple[SiteRow, ...]:
        """The sites of a run that have no outcome yet, in ring order."""
        return tuple(row for row in self.site_rows(run) if row.outcome is None)

    def segments(self, run: str, site: str) -> tuple[SegmentView, ...]:
        """The jobs of a site in order, with those that are `started`."""
        query = (
            select(segments).where(segments.c.run == run, segments.c.site == site).order_by(segments.c.number)
        )
        with self._read() as connection:
            return tuple(SegmentView(**row) for row in connection.execute(query).mappings())

    def segments_done(self, run: str, site: str) -> tuple[SegmentView, ...]:
        """The jobs of a site whose end is recorded; `status` says whether their steps are done."""
        return tuple(segment for segment in self.segments(run, site) if segment.state != "started")

    def step_output(self, run: str, site: str) -> tuple[StepOutput, ...]:
        """What each step printed, in the playbook's order.

        Raises:
            UnknownNameError: the run has no such site; the hint names what it has.
        """
        query = (
            select(steps.c.step, steps.c.title, steps.c.outcome, steps.c.why, steps.c.output)
            .where(steps.c.run == run, steps.c.site == site)
            .order_by(steps.c.position)
        )
        with self._read() as connection:
            known = connection.execute(_rows_of(run).with_only_columns(run_sites.c.site)).scalars().all()
            if not known:
                raise _unknown(connection, run)
            if site not in known:
                close = get_close_matches(site, known, 1) or known[:5]
                raise UnknownNameError(
                    f"run {run} has no site {site!r}", hint=f"its sites are like {', '.join(close)}"
                )
            found = connection.execute(query).mappings()
            return tuple(StepOutput(**dict(row) | {"outcome": _outcome(row["outcome"])}) for row in found)


def change_view(row: RowMapping) -> ChangeView:
    """A row of `changes`."""
    fields = {name: row[name] for name in ChangeView.__slots__ if name != "undo"}
    fields |= {"unverified": row["unverified"] or "", "uncertain": bool(row["uncertain"])}
    return ChangeView(**fields | {"outcome": Outcome(row["outcome"])})


def look_view(row: RowMapping) -> LookView:
    """A row of `looks`."""
    fields: dict[str, Any] = {name: row[name] for name in LookView.__slots__ if name != "size"}
    return LookView(**fields | {"size": row["bytes"], "findings": tuple(row["findings"])})


def _summaries(connection: Connection, query: Select[Any]) -> tuple[RunSummary, ...]:
    rows = connection.execute(query).mappings().all()
    counted = select(run_sites.c.run, run_sites.c.outcome, func.count().label("count")).group_by(
        run_sites.c.run, run_sites.c.outcome
    )
    ids = [row["run"] for row in rows]
    by_run: dict[str, Counter[str | None]] = defaultdict(Counter)
    for run, outcome, count in connection.execute(counted.where(run_sites.c.run.in_(ids))):
        by_run[run][outcome] = count
    began = select(acts.c.run, acts.c.operator).where(acts.c.run.in_(ids)).order_by(acts.c.id.desc())
    operators = {act.run: act.operator for act in connection.execute(began)}
    interrupted = _interrupted(connection, [row for row in rows if row["state"] != State.ENDED.value])
    return tuple(
        _summary(row, by_run[row["run"]], operators.get(row["run"], ""), interrupted.get(row["run"]))
        for row in rows
    )


def _interrupted(connection: Connection, rows: Sequence[RowMapping]) -> dict[str, datetime]:
    """The runs that no process works on, each with the last sign of life of the one that did."""
    at = now()
    found = connection.execute(
        select(leases).where(leases.c.executor.in_([row["executor"] for row in rows]))
    ).mappings()
    of = {lease["executor"]: LeaseView(**lease) for lease in found}
    interrupted = {}
    for row in rows:
        if row["executor"] in of:
            last = stopped_at(of[row["executor"]], at)
        else:  # a run that is written down is claimed at once
            last = row["started"] if row["started"] < at - LEASE else None
        if last is not None:
            interrupted[row["run"]] = last
    return interrupted


_COUNTED = {"sites", "outcomes", "operator", "interrupted"}
"""Fields of a summary that are not columns of the run."""


def _summary(
    row: RowMapping, counts: Mapping[str | None, int], operator: str, interrupted: datetime | None
) -> RunSummary:
    fields: dict[str, Any] = {name: row[name] for name in RunSummary.__slots__ if name not in _COUNTED}
    return RunSummary(
        **fields
        | {
            "state": State(row["state"]),
            "outcome": _outcome(row["outcome"]),
            "operator": operator,
            "interrupted": interrupted,
            "sites": sum(counts.values()),
            "outcomes": {one: counts[one.value] for one in Outcome if one.value in counts},
        }
    )


def _sites(connection: Connection, run: str) -> tuple[SiteView, ...]:
    changes_of = _grouped(
        connection.execute(
            select(changes).where(changes.c.run == run).order_by(changes.c.position)
        ).mappings(),
        "site",
        "step",
    )
    steps_of = _grouped(
        connection.execute(select(steps).where(steps.c.run == run).order_by(steps.c.position)).mappings(),
        "site",
    )
    looks_of = _grouped(
        connection.execute(
            select(looks).where(looks.c.run == run).order_by(looks.c.at, looks.c.id)
        ).mappings(),
        "site",
    )
    points_of = _grouped(
        connection.execute(
            select(restore_points).where(restore_points.c.run == run).order_by(restore_points.c.created)
        ).mappings(),
        "site",
    )
    autos = auto_updates.c
    autos_of = _grouped(
        connection.execute(
            select(auto_updates).where((autos.run == run) | (autos.settled_run == run)).order_by(autos.id)
        ).mappings(),
        "site",
    )
    return tuple(
        SiteView(
            row=_site_row(row),
            problems=tuple(row["problems"]),
            steps=tuple(
                _step_view(step, changes_of[step["site"], step["step"]]) for step in steps_of[row["site"],]
            ),
            looks=tuple(map(look_view, looks_of[row["site"],])),
            restore_points=tuple(map(_restore_point, points_of[row["site"],])),
            auto_updates=tuple(map(auto_update_view, autos_of[row["site"],])),
        )
        for row in connection.execute(_rows_of(run)).mappings()
    )


def _grouped(rows: Iterable[RowMapping], *names: str) -> dict[tuple[str, ...], list[RowMapping]]:
    groups: dict[tuple[str, ...], list[RowMapping]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def _rows_of(run: str) -> Select[Any]:
    return select(run_sites).where(run_sites.c.run == run).order_by(run_sites.c.ring, run_sites.c.position)


def _site_row(row: RowMapping) -> SiteRow:
    fields: dict[str, Any] = {name: row[name] for name in SiteRow.__slots__}
    return SiteRow(**fields | {"state": State(row["state"]), "outcome": _outcome(row["outcome"])})


def _step_view(row: RowMapping, of_step: Iterable[RowMapping]) -> StepView:
    fields: dict[str, Any] = {name: row[name] for name in StepView.__slots__ if name != "changes"}
    return StepView(
        **fields | {"outcome": _outcome(row["outcome"]), "changes": tuple(map(change_view, of_step))}
    )


def _restore_point(row: RowMapping) -> RestorePointView:
    fields: dict[str, Any] = {name: row[name] for name in RestorePointView.__slots__ if name != "size"}
    return RestorePointView(**fields | {"size": row["bytes"], "items": tuple(row["items"])})


def _outcome(value: str | None) -> Outcome | None:
    return None if value is None else Outcome(value)


def _unknown(connection: Connection, name: str) -> UnknownNameError:
    newest = select(runs.c.run).order_by(runs.c.started.desc()).limit(200)
    known = connection.execute(newest).scalars().all()
    close = get_close_matches(name, known, 1, cutoff=0.5) or known[:1]
    hint = f"the closest is {close[0]}; see `sitecrew list runs`" if close else "there is no run yet"
    return UnknownNameError(f"no run {name!r}", hint=hint)
