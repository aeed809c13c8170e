"""Whether a site is healthy: the last look with a verdict after the last change decides.

A look taken before a change says nothing about the site after it. A look that was refused, for example by a
firewall, has no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from runner.model import Outcome
from runner.record.details import IS_MAINTENANCE
from runner.record.look_history import Looked, looked_in
from runner.record.schema import run_sites, steps
from runner.record.views import LastLook, WebsiteView

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

__all__ = ["Change", "last_look", "read_last_look"]

_AFTER = frozenset({"after", "undo"})
_LOOKS_ITSELF = frozenset(
    {
        "wordpress.plugins",
        "wordpress.themes",
        "wordpress.core",
        "wordpress.composer",
        "wordpress.database",
        "static.release",
    }
)
"""Kinds of steps that look at the site after their change and before they end."""
_CHANGES_NOTHING = frozenset({"backup", "probe.http", "wordpress.checksums", "static.build"})
_NOT_CHANGED = frozenset({Outcome.OK, Outcome.SKIPPED, Outcome.HELD, Outcome.MISSED, Outcome.UNREACHABLE})
_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step that changed a site, or may have. `finished` is None while it is running."""

    run: str
    kind: str
    outcome: Outcome | None
    started: datetime | None
    finished: datetime | None


def last_look(site: str, changes: Sequence[Change], seen: Sequence[Looked]) -> LastLook:
    """Return the health of a site at the end of a period. Pure.

    Args:
        site: the site's name.
        changes: the changes of the site in the period.
        seen: the looks of the period, newest first.
    """
    verdict = next(
        (look for look in seen if look.healthy is not None and all(_follows(look, one) for one in changes)),
        None,
    )
    newest = seen[0] if seen else None
    refused = newest is not None and newest.refused is not None and any(look.answered for look in seen)
    return LastLook(
        site=site,
        healthy=verdict.healthy if verdict else None,
        at=verdict.at if verdict else None,
        refused=newest.refused if newest and refused else None,
        refused_at=newest.at if newest and refused else None,
    )


def _follows(look: Looked, change: Change) -> bool:
    """Return whether a look was taken after a change, or by the changing step itself afterwards."""
    if change.finished is not None and look.at >= change.finished:
        return True
    if change.started is None or look.at < change.started - _SLACK:
        return False
    if change.finished is None:
        return look.run != change.run
    if look.run != change.run or look.phase not in _AFTER or change.kind not in _LOOKS_ITSELF:
        return False
    return look.phase == "undo" or bool(look.healthy) or change.outcome is not Outcome.UNDONE


def read_last_look(
    connection: Connection, site: WebsiteView, client: str | None, start: datetime, end: datetime
) -> LastLook:
    """Read the `last_look` of a website from `start` to before `end`; with `client`, only from its rows."""
    changes = select(*_OF_STEP).join(run_sites, _SAME).where(run_sites.c.website == site.id, IS_MAINTENANCE)
    if client is not None:
        changes = changes.where(run_sites.c.client == client)
    seen = looked_in(connection, site.id, client, start, end)
    return last_look(site.name, _changes(connection, changes, start, end), seen)


_SAME = (run_sites.c.run == steps.c.run) & (run_sites.c.site == steps.c.site)
_OF_STEP = steps.c.run, steps.c.kind, steps.c.outcome, steps.c.started, steps.c.finished, steps.c.seconds


def _changes(connection: Connection, query: Select[Any], start: datetime, end: datetime) -> list[Change]:
    query = query.where(
        steps.c.kind.not_in(_CHANGES_NOTHING),
        or_(
            (steps.c.finished >= start) & (steps.c.finished < end),
            steps.c.finished.is_(None) & (steps.c.started >= start) & (steps.c.started < end),
        ),
    )
    found = [_change(row) for row in connection.execute(query).mappings()]
    return [change for change in found if change.outcome not in _NOT_CHANGED]


def _change(row: RowMapping) -> Change:
    started, finished, seconds = row["started"], row["finished"], row["seconds"]
    if started is None and finished is not None and seconds is not None:
        started = finished - timedelta(seconds=seconds)
    outcome = Outcome(row["outcome"]) if row["outcome"] else None
    return Change(run=row["run"], kind=row["kind"], outcome=outcome, started=started, finished=finished)
