"""Sites of a run: plan, facts, start and end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from runner.errors import LedgerError
from runner.model import Action, Change, ItemKind, Outcome, SitePlan, State
from runner.record.details import site_row, sites_of_run
from runner.record.schema import Instant, run_sites, steps
from runner.record.store import Records
from runner.record.views import SiteRow

__all__ = ["Sites"]

_SHARED_WITH_STEPS = {Outcome.LOST, Outcome.UNREACHABLE, Outcome.CANCELLED, Outcome.MISSED}
"""Outcomes of a site that its remaining steps get too; with any other outcome they are skipped."""


class Sites(Records):
    """The sites of all runs."""

    def started(self, run: str, site: str, at: datetime) -> None:
        """Record that work on a site starts; a second attempt keeps the first start."""
        with self._store.write(synced_later=True, concurrent=True) as connection:
            found = connection.execute(_START_SITE, {"of_run": run, "of_site": site, "at": at})
            _require(found.rowcount, f"run {run!r} has no site {site!r}")

    def record_plan(
        self, run: str, site: str, plan: SitePlan, facts: Mapping[str, object] | None = None
    ) -> None:
        """Record the plan for a site and the facts that it is based on."""
        values = {"plan": asdict(plan), "problems": list(plan.problems), "facts": facts}
        with self._store.write(concurrent=True) as connection:
            found = connection.execute(update(run_sites).where(*_where_site(run, site)).values(**values))
            _require(found.rowcount, f"run {run!r} has no site {site!r}")

    def plan(self, run: str, site: str) -> SitePlan | None:
        """Return the recorded plan of a site, or None."""
        with self._store.read() as connection:
            query = select(run_sites.c.plan).where(*_where_site(run, site))
            stored = connection.execute(query).scalar_one_or_none()
        return None if stored is None else _plan(stored)

    def facts(self, run: str, site: str) -> Mapping[str, object] | None:
        """Return the recorded facts of a site, or None."""
        with self._store.read() as connection:
            query = select(run_sites.c.facts).where(*_where_site(run, site))
            facts: Mapping[str, object] | None = connection.execute(query).scalar_one_or_none()
        return facts

    def finished(self, run: str, site: str, outcome: Outcome, why: str, at: datetime) -> None:
        """Record how a site ended, and an outcome for each step that has none.

        Those steps get the site's outcome if it is lost, unreachable, cancelled or missed, else `skipped`.
        """
        rest = (
            {"outcome": outcome.value, "why": why}
            if outcome in _SHARED_WITH_STEPS
            else {
                "outcome": Outcome.SKIPPED.value,
                "why": why if outcome is Outcome.SKIPPED else "not reached",
            }
        )
        which = {"of_run": run, "of_site": site, "finished": at}
        ended = {"outcome": outcome.value, "why": why}
        with self._store.write(synced_later=True, concurrent=True) as connection:
            found = connection.execute(_FINISH_SITE, which | ended)
            _require(found.rowcount, f"run {run!r} has no site {site!r}")
            connection.execute(_FINISH_STEPS, which | rest)

    def list(self, run: str) -> tuple[SiteRow, ...]:
        """Return the sites of a run in ring order."""
        with self._store.read() as connection:
            return tuple(site_row(row) for row in connection.execute(sites_of_run(run)).mappings())

    def list_unfinished(self, run: str) -> tuple[SiteRow, ...]:
        """Return the sites of a run that have no outcome yet, in ring order."""
        return tuple(row for row in self.list(run) if row.outcome is None)


_THIS_SITE = (run_sites.c.run == bindparam("of_run"), run_sites.c.site == bindparam("of_site"))
_START_SITE = (
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


def _where_site(run: str, site: str) -> tuple[Any, Any]:
    return run_sites.c.run == run, run_sites.c.site == site


def _require(found: object, message: str) -> None:
    if not found:
        raise LedgerError(message)


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
