"""Steps of a site: when each started, how it ended, and what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from runner.errors import LedgerError, UnknownNameError
from runner.model import Outcome, StepOutcome
from runner.record.details import sites_of_run
from runner.record.queries import unknown_run
from runner.record.schema import changes, run_sites, steps
from runner.record.store import Records
from runner.record.views import StepOutput

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Steps", "lock_site", "write_outcomes"]


class Steps(Records):
    """The steps of all runs."""

    def started(self, run: str, site: str, step: str, at: datetime) -> None:
        """Record when a step started; optional."""
        with self._store.write(concurrent=True) as connection:
            connection.execute(
                update(steps)
                .where(steps.c.run == run, steps.c.site == site, steps.c.step == step)
                .values(started=at)
            )

    def finished(self, run: str, site: str, outcome: StepOutcome, at: datetime) -> None:
        """Record how a step ended; this replaces an earlier outcome.

        Raises:
            LedgerError: the site has no such step.
        """
        with self._store.write(concurrent=True) as connection:
            lock_site(connection, run, site)
            write_outcomes(connection, run, site, [outcome], at)

    def output(self, run: str, site: str) -> tuple[StepOutput, ...]:
        """Return what each step printed, in the playbook's order.

        Raises:
            UnknownNameError: the run has no such site; the hint names similar ones.
        """
        query = (
            select(steps.c.step, steps.c.title, steps.c.outcome, steps.c.why, steps.c.output)
            .where(steps.c.run == run, steps.c.site == site)
            .order_by(steps.c.position)
        )
        with self._store.read() as connection:
            known = connection.execute(sites_of_run(run).with_only_columns(run_sites.c.site)).scalars().all()
            if not known:
                raise unknown_run(connection, run)
            if site not in known:
                close = get_close_matches(site, known, 1) or known[:5]
                raise UnknownNameError(f"run {run} has no site {site!r}", hint=f"try: {', '.join(close)}")
            return tuple(
                StepOutput(**dict(row) | {"outcome": row["outcome"] and Outcome(row["outcome"])})
                for row in connection.execute(query).mappings()
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

_LOCK_SITE = (
    select(run_sites.c.site)
    .where(run_sites.c.run == bindparam("of_run"), run_sites.c.site == bindparam("of_site"))
    .with_for_update()
)
_DELETE_CHANGES = delete(changes).where(
    changes.c.run == bindparam("of_run"),
    changes.c.site == bindparam("of_site"),
    changes.c.step.in_(bindparam("of_steps", expanding=True)),
)


def lock_site(connection: Connection, run: str, site: str) -> None:
    """Make other transactions that lock this site of a run wait. SQLite has only one writer anyway."""
    connection.execute(_LOCK_SITE, {"of_run": run, "of_site": site})


def write_outcomes(
    connection: Connection, run: str, site: str, outcomes: Sequence[StepOutcome], at: datetime
) -> None:
    """Write the outcomes of steps and replace their changes.

    Raises:
        LedgerError: the site does not have all of these steps.
    """
    if not outcomes:
        return
    found = connection.execute(_UPDATE_STEP, [_step_row(run, site, outcome, at) for outcome in outcomes])
    if found.rowcount != len(outcomes):
        names = ", ".join(outcome.step for outcome in outcomes)
        raise LedgerError(f"run {run!r} does not have all of these steps on {site!r}: {names}")
    replaced = {"of_run": run, "of_site": site, "of_steps": [outcome.step for outcome in outcomes]}
    connection.execute(_DELETE_CHANGES, replaced)
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
