"""How long playbooks took on sites, and which sites were missed last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, exists, func, or_, select

from runner.model import Outcome
from runner.record.schema import run_sites, runs, segments, steps, websites
from runner.record.store import Records
from runner.record.views import SiteDuration

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["Durations"]

_COMPLETE = tuple(
    one.value for one in (Outcome.OK, Outcome.CHANGED, Outcome.HELD, Outcome.UNDONE, Outcome.FAILED)
)
"""Outcomes of sites whose steps all ran, or were all considered."""
_LEFT_OUT = ("has none of the tags %", "has the skipped tag %", "before %", "skipped when asked")
"""Reasons of steps that were left out with an option of `run`: such a run is shorter than usual."""
_STEPWISE = '%"stepwise":true%'
"""In the order of a run that asked before each step."""

_RUNS = 200
"""The estimate from other sites uses the last runs only: all of them would be the whole history."""


class Durations(Records):
    """Runs of sites that completed in their first attempt, newest first."""

    def of_sites(
        self, playbook: str, sites: Iterable[str], *, most: int
    ) -> Mapping[str, tuple[SiteDuration, ...]]:
        """Return the last runs of a playbook on each of these websites, at most `most` of each."""
        with self._store.read() as connection:
            return {
                site: tuple(
                    _duration(row)
                    for row in connection.execute(
                        _OF_SITE, {"of_playbook": playbook, "of_site": site, "most": most}
                    ).mappings()
                )
                for site in sites
            }

    def of_playbook(self, playbook: str, *, most: int) -> tuple[SiteDuration, ...]:
        """Return the last runs of a playbook on any website."""
        with self._store.read() as connection:
            found = connection.execute(_OF_PLAYBOOK, {"of_playbook": playbook, "most": most}).mappings()
            return tuple(map(_duration, found))

    def missed_last(self, playbook: str, sites: Iterable[str]) -> frozenset[str]:
        """Return the sites that were missed when a window last ran the playbook."""
        with self._store.read() as connection:
            found = {
                site: connection.execute(_LAST, {"of_playbook": playbook, "of_site": site}).scalar()
                for site in sites
            }
        return frozenset(site for site, outcome in found.items() if outcome == Outcome.MISSED)


_ROLLBACK = (
    select(func.max(segments.c.undo_seconds))
    .where(segments.c.run == run_sites.c.run, segments.c.site == run_sites.c.site)
    .scalar_subquery()
)
_SHORTENED = exists().where(
    steps.c.run == run_sites.c.run,
    steps.c.site == run_sites.c.site,
    steps.c.outcome == Outcome.SKIPPED.value,
    or_(*(steps.c.why.like(reason) for reason in _LEFT_OUT)),
)
_COMPLETED = (
    select(
        websites.c.name.label("site"),
        run_sites.c.started,
        run_sites.c.finished,
        _ROLLBACK.label("rollback"),
    )
    .join(runs, runs.c.run == run_sites.c.run)
    .join(websites, websites.c.id == run_sites.c.website)
    .where(
        runs.c.playbook == bindparam("of_playbook"),
        runs.c.attempt == 1,
        runs.c.order_text.not_like(_STEPWISE),
        run_sites.c.started.is_not(None),
        run_sites.c.finished.is_not(None),
        run_sites.c.outcome.in_(_COMPLETE),
        ~_SHORTENED,
    )
    .limit(bindparam("most"))
)
_OF_SITE = _COMPLETED.where(websites.c.name == bindparam("of_site")).order_by(run_sites.c.finished.desc())
_RECENT = (
    select(runs.c.run)
    .where(runs.c.playbook == bindparam("of_playbook"), runs.c.attempt == 1)
    .order_by(runs.c.started.desc())
    .limit(_RUNS)
)
_OF_PLAYBOOK = _COMPLETED.where(run_sites.c.run.in_(_RECENT)).order_by(
    runs.c.started.desc(), run_sites.c.position
)
_LAST = (
    select(run_sites.c.outcome)
    .join(runs, runs.c.run == run_sites.c.run)
    .join(websites, websites.c.id == run_sites.c.website)
    .where(
        websites.c.name == bindparam("of_site"),
        run_sites.c.finished.is_not(None),
        runs.c.playbook == bindparam("of_playbook"),
        runs.c.window.is_not(None),
    )
    .order_by(run_sites.c.finished.desc())
    .limit(1)
)


def _duration(row: RowMapping) -> SiteDuration:
    seconds = (row["finished"] - row["started"]).total_seconds()
    return SiteDuration(site=row["site"], seconds=max(seconds, 0.0), rollback=row["rollback"])
