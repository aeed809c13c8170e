"""Sites of a run: plans, jobs, and what became of every step and item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from runner.errors import LedgerError
from runner.model import Action, Change, ItemKind, Outcome, SitePlan, State, StepOutcome
from runner.record.schema import Instant, changes, run_sites, segments, steps
from runner.record.store import Store, now, upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SiteBook"]

_SPREADS = {Outcome.LOST, Outcome.UNREACHABLE, Outcome.CANCELLED, Outcome.MISSED}
"""Outcomes of a site that its remaining steps share; after the others they were not reached."""


class SiteBook(Store):
    """Writing about one site of a run."""

    def begin_site(self, run: str, site: str, at: datetime) -> None:
        """Say that work on a site begins; a second attempt keeps the first instant."""
        with self._write(synced_later=True) as connection:
            found = connection.execute(_BEGIN_SITE, {"of_run": run, "of_site": site, "at": at})
            _found(found.rowcount, f"run {run!r} has no site {site!r}")

    def record_plan(
        self, run: str, site: str, plan: SitePlan, facts: Mapping[str, object] | None = None
    ) -> None:
        """Write down what is to be done on a site, and the facts that it was decided on."""
        values = {"plan": asdict(plan), "problems": list(plan.problems), "facts": facts}
        with self._write() as connection:
            found = connection.execute(update(run_sites).where(*_mine(run, site)).values(**values))
            _found(found.rowcount, f"run {run!r} has no site {site!r}")

    def plan_of(self, run: str, site: str) -> SitePlan | None:
        """The recorded plan of a site, None before there is one."""
        with self._read() as connection:
            query = select(run_sites.c.plan).where(*_mine(run, site))
            stored = connection.execute(query).scalar_one_or_none()
        return None if stored is None else _plan(stored)

    def facts_of(self, run: str, site: str) -> Mapping[str, object] | None:
        """The recorded facts of a site, None before there are any."""
        with self._read() as connection:
            query = select(run_sites.c.facts).where(*_mine(run, site))
            facts: Mapping[str, object] | None = connection.execute(query).scalar_one_or_none()
        return facts

    def begin_segment(
        self,
        run: str,
        site: str,
        number: int,
        job: str,
        at: datetime | None = None,
        *,
        trial: str | None = None,
        span: Sequence[float] | None = None,
    ) -> bool:
        """Write down that a job is about to start. False when this very job has ended already.

        `trial` is what a later attempt needs to judge it, as text of the caller's; `span` the seconds that it
        may take, which that attempt keeps it to.
        """
        row: dict[str, Any] = {"run": run, "site": site, "number": number, "job": job, "trial": trial}
        row |= {"state": "started", "status": None, "recorded": at or now(), "span": span}
        with self._write() as connection:
            if _has_ended(connection, run, site, number, job):
                return False
            upsert(connection, segments, row, key="run site number")
        return True

    def record_segment(
        self,
        run: str,
        site: str,
        number: int,
        job: str,
        *,
        status: str,
        outcomes: Sequence[StepOutcome],
        at: datetime,
    ) -> bool:
        """Write down how a job and its steps ended, all of it or nothing.

        Once this returns, the host may be told to forget (`ack`). Recording the same job again changes
        nothing and returns False, so that a later verdict (an undo) is not overwritten by a repetition.

        Raises:
            LedgerError: a step that the run does not have, or the ledger cannot be written.
        """
        row = {"run": run, "site": site, "number": number, "job": job}
        row |= {"state": "ended", "status": status, "recorded": at}
        with self._write() as connection:
            if _has_ended(connection, run, site, number, job):
                return False
            _record_steps(connection, run, site, outcomes, at)
            upsert(connection, segments, row, key="run site number")
        return True

    def acked(self, run: str, site: str, number: int) -> None:
        """Say that the host has forgotten the job."""
        with self._write(synced_later=True) as connection:
            connection.execute(_ACKED, {"of_run": run, "of_site": site, "of_number": number})

    def begin_step(self, run: str, site: str, step: str, at: datetime) -> None:
        """Say when a step began; optional."""
        with self._write() as connection:
            connection.execute(
                update(steps)
                .where(steps.c.run == run, steps.c.site == site, steps.c.step == step)
                .values(started=at)
            )

    def record_step(self, run: str, site: str, outcome: StepOutcome, at: datetime) -> None:
        """Write down how one step ended, in place of what was known of it before."""
        with self._write() as connection:
            _record_steps(connection, run, site, [outcome], at)

    def finish_site(self, run: str, site: str, outcome: Outcome, why: str, at: datetime) -> None:
        """Write down how a site ended. Steps that are still open get an outcome too.

        They share the site's when it is lost, unreachable, cancelled or missed, else they are `skipped`.
        """
        rest = (
            {"outcome": outcome.value, "why": why}
            if outcome in _SPREADS
            else {
                "outcome": Outcome.SKIPPED.value,
                "why": why if outcome is Outcome.SKIPPED else "not reached",
            }
        )
        which = {"of_run": run, "of_site": site, "finished": at}
        ended = {"outcome": outcome.value, "why": why}
        with self._write(synced_later=True) as connection:
            found = connection.execute(_FINISH_SITE, which | ended)
            _found(found.rowcount, f"run {run!r} has no site {site!r}")
            connection.execute(_FINISH_STEPS, which | rest)


_THIS_SITE = (run_sites.c.run == bindparam("of_run"), run_sites.c.site == bindparam("of_site"))
_BEGIN_SITE = (
    update(run_sites)
    .where(*_THIS_SITE)
    .values(
        state=State.RUNNING.value,
        started=func.coalesce(run_sites.c.started, bindparam("at", type_=Instant())),
    )
)
_FINISH_SITE = (
    update(run_sites)
    .where(*_THIS_SITE)
    .values(state=State.ENDED.value, **{name: bindparam(name) for name in ("outcome", "why", "finished")})
)
_FINISH_STEPS = (
    update(steps)
    .where(
        steps.c.run == bindparam("of_run"), steps.c.site == bindparam("of_site"), steps.c.outcome.is_(None)
    )
    .values({name: bindparam(name) for name in ("outcome", "why", "finished")})
)
_STEP = ("outcome", "why", "seconds", "finished", "output", "trials", "looks")
_UPDATE_STEP = (
    update(steps)
    .where(
        steps.c.run == bindparam("of_run"),
        steps.c.site == bindparam("of_site"),
        steps.c.step == bindparam("of_step"),
    )
    .values({name: bindparam(name) for name in _STEP})
)

_DELETE_CHANGES = delete(changes).where(
    changes.c.run == bindparam("of_run"),
    changes.c.site == bindparam("of_site"),
    changes.c.step.in_(bindparam("of_steps", expanding=True)),
)
_SEGMENT = select(segments.c.job, segments.c.state).where(
    segments.c.run == bindparam("of_run"),
    segments.c.site == bindparam("of_site"),
    segments.c.number == bindparam("of_number"),
)
_ACKED = (
    update(segments)
    .where(
        segments.c.run == bindparam("of_run"),
        segments.c.site == bindparam("of_site"),
        segments.c.number == bindparam("of_number"),
        segments.c.state == "ended",
    )
    .values(state="acked")
)


def _record_steps(
    connection: Connection, run: str, site: str, outcomes: Sequence[StepOutcome], at: datetime
) -> None:
    if not outcomes:
        return
    found = connection.execute(_UPDATE_STEP, [_step_row(run, site, outcome, at) for outcome in outcomes])
    _found(
        found.rowcount == len(outcomes),
        f"run {run!r} has not all of these steps on {site!r}: {', '.join(o.step for o in outcomes)}",
    )
    renewed = {"of_run": run, "of_site": site, "of_steps": [outcome.step for outcome in outcomes]}
    connection.execute(_DELETE_CHANGES, renewed)
    rows = [row for outcome in outcomes for row in _change_rows(run, site, outcome, at)]
    if rows:
        connection.execute(insert(changes), rows)


def _step_row(run: str, site: str, outcome: StepOutcome, at: datetime) -> dict[str, object]:
    return {
        "of_run": run,
        "of_site": site,
        "of_step": outcome.step,
        "outcome": outcome.outcome.value,
        "why": outcome.why,
        "seconds": outcome.seconds,
        "finished": at,
        "output": outcome.output,
        "trials": outcome.trials,
        "looks": outcome.looks,
    }


def _change_rows(run: str, site: str, outcome: StepOutcome, at: datetime) -> list[dict[str, object]]:
    return [
        {
            "run": run,
            "site": site,
            "step": outcome.step,
            "position": position,
            "kind": change.kind.value,
            "item": change.item,
            "title": change.title,
            "from_version": change.from_version,
            "to_version": change.to_version,
            "outcome": change.outcome.value,
            "why": change.why,
            "finished": at,
            "unverified": change.unverified,
            "uncertain": change.uncertain,
        }
        for position, change in enumerate(outcome.changes)
    ]


def _has_ended(connection: Connection, run: str, site: str, number: int, job: str) -> bool:
    which = {"of_run": run, "of_site": site, "of_number": number}
    row = connection.execute(_SEGMENT, which).one_or_none()
    return row is not None and row.job == job and row.state != "started"


def _mine(run: str, site: str) -> tuple[Any, Any]:
    return run_sites.c.run == run, run_sites.c.site == site


def _found(found: object, complaint: str) -> None:
    if not found:
        raise LedgerError(complaint)


def _plan(stored: dict[str, Any]) -> SitePlan:
    return SitePlan(
        site=stored["site"],
        client=stored["client"],
        problems=tuple(stored["problems"]),
        changes=tuple(
            Change(**change | {"kind": ItemKind(change["kind"]), "action": Action(change["action"])})
            for change in stored["changes"]
        ),
    )
