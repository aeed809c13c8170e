"""The sites of a run in full: steps, changes, looks, restore points and automatic updates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from runner.model import Outcome, State, Trigger
from runner.record.autoupdates import auto_update_view
from runner.record.look_history import summary_view
from runner.record.schema import (
    auto_updates,
    changes,
    look_summaries,
    looks,
    restore_points,
    run_sites,
    runs,
    steps,
)
from runner.record.views import ChangeView, LookView, RestorePointView, SiteRow, SiteView, StepView

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

__all__ = [
    "IS_MAINTENANCE",
    "change_view",
    "look_view",
    "optional_outcome",
    "read_sites",
    "site_row",
    "sites_of_run",
]

IS_MAINTENANCE = run_sites.c.run.not_in(select(runs.c.run).where(runs.c.trigger == Trigger.EXEC.value))
"""The condition for rows of `run_sites` that belong to a playbook, not to a command of `sitecrew exec`."""


def read_sites(connection: Connection, run: str) -> tuple[SiteView, ...]:
    """Return the sites of a run in ring order, with everything that happened to them."""
    autos = auto_updates.c
    changes_of = _grouped(
        connection, select(changes).where(changes.c.run == run).order_by(changes.c.position), "site", "step"
    )
    steps_of = _grouped(
        connection, select(steps).where(steps.c.run == run).order_by(steps.c.position), "site"
    )
    looks_of = _grouped(
        connection, select(looks).where(looks.c.run == run).order_by(looks.c.at, looks.c.id), "site"
    )
    old_looks_of = _grouped(
        connection,
        select(look_summaries).where(look_summaries.c.run == run).order_by(look_summaries.c.last),
        "site",
    )
    points_of = _grouped(
        connection,
        select(restore_points).where(restore_points.c.run == run).order_by(restore_points.c.created),
        "site",
    )
    autos_of = _grouped(
        connection,
        select(auto_updates).where((autos.run == run) | (autos.settled_run == run)).order_by(autos.id),
        "site",
    )
    return tuple(
        SiteView(
            row=site_row(row),
            problems=tuple(row["problems"]),
            steps=tuple(
                _step_view(step, changes_of[step["site"], step["step"]]) for step in steps_of[row["site"],]
            ),
            looks=(
                *map(summary_view, old_looks_of[row["site"],]),
                *map(look_view, looks_of[row["site"],]),
            ),
            restore_points=tuple(map(_restore_point, points_of[row["site"],])),
            auto_updates=tuple(map(auto_update_view, autos_of[row["site"],])),
        )
        for row in connection.execute(sites_of_run(run)).mappings()
    )


def sites_of_run(run: str) -> Select[Any]:
    """Select the sites of a run in ring order."""
    return select(run_sites).where(run_sites.c.run == run).order_by(run_sites.c.ring, run_sites.c.position)


def optional_outcome(value: str | None) -> Outcome | None:
    """Convert a stored outcome; None stays None."""
    return None if value is None else Outcome(value)


def change_view(row: RowMapping) -> ChangeView:
    """Convert a row of `changes`."""
    fields = {name: row[name] for name in ChangeView.__slots__ if name != "undo"}
    fields |= {"unverified": row["unverified"] or "", "uncertain": bool(row["uncertain"])}
    return ChangeView(**fields | {"outcome": Outcome(row["outcome"])})


def look_view(row: RowMapping) -> LookView:
    """Convert a row of `looks`."""
    fields: dict[str, Any] = {name: row[name] for name in LookView.__slots__ if name != "size"}
    return LookView(**fields | {"size": row["bytes"], "findings": tuple(row["findings"])})


def site_row(row: RowMapping) -> SiteRow:
    """Convert a row of `run_sites`."""
    fields: dict[str, Any] = {name: row[name] for name in SiteRow.__slots__}
    return SiteRow(**fields | {"state": State(row["state"]), "outcome": optional_outcome(row["outcome"])})


def _step_view(row: RowMapping, of_step: Iterable[RowMapping]) -> StepView:
    fields: dict[str, Any] = {name: row[name] for name in StepView.__slots__ if name != "changes"}
    return StepView(
        **fields | {"outcome": optional_outcome(row["outcome"]), "changes": tuple(map(change_view, of_step))}
    )


def _restore_point(row: RowMapping) -> RestorePointView:
    fields: dict[str, Any] = {name: row[name] for name in RestorePointView.__slots__ if name != "size"}
    return RestorePointView(**fields | {"size": row["bytes"], "items": tuple(row["items"])})


def _grouped(
    connection: Connection, query: Select[Any], *names: str
) -> dict[tuple[str, ...], list[RowMapping]]:
    groups: dict[tuple[str, ...], list[RowMapping]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        groups[tuple(row[name] for name in names)].append(row)
    return groups
