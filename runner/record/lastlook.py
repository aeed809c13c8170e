"""Whether a site is healthy: the last look with a verdict after the last change decides.

A look taken before a change says nothing about the site after it. A look that was refused, for example by a
firewall, has no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from runner.model import Outcome, Seen
from runner.record.details import IS_MAINTENANCE
from runner.record.schema import looks, run_sites, steps
from runner.record.views import LastLook, WebsiteView

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

__all__ = ["Change", "Looked", "last_look", "read_last_look"]

_REFUSED = frozenset({401, 403, 429})
_ANSWERED = 200
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One look at all pages of a site."""

    run: str | None
    at: datetime
    phase: str
    healthy: bool | None
    """None if every page was refused or gave no verdict."""
    refused: int | None = None
    """The status if every page was refused, else None."""
    answered: bool = False
    """At least one page was answered with status 200."""


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
    changes, seen = select(*_OF_STEP).join(run_sites, _SAME), select(*_OF_LOOK)
    changes = changes.where(run_sites.c.website == site.id, IS_MAINTENANCE)
    seen = seen.where(looks.c.website == site.id)
    if client is not None:
        changes, seen = changes.where(run_sites.c.client == client), seen.where(looks.c.client == client)
    return last_look(
        site.name, _changes(connection, changes, start, end), _seen(connection, seen, start, end)
    )


_SAME = (run_sites.c.run == steps.c.run) & (run_sites.c.site == steps.c.site)
_OF_STEP = steps.c.run, steps.c.kind, steps.c.outcome, steps.c.started, steps.c.finished, steps.c.seconds
_OF_LOOK = (
    looks.c.run,
    looks.c.at,
    looks.c.phase,
    looks.c.signal,
    looks.c.healthy,
    looks.c.status,
    looks.c.seen,
)


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


def _seen(connection: Connection, query: Select[Any], start: datetime, end: datetime) -> list[Looked]:
    query = query.where(looks.c.at >= start, looks.c.at < end).order_by(
        looks.c.at.desc(), looks.c.phase, looks.c.id.desc()
    )
    rows = connection.execute(query).mappings().all()
    return [_one([*group]) for _, group in groupby(rows, key=lambda row: (row["at"], row["phase"]))]


def _refused(row: RowMapping) -> bool:
    return row["status"] in _REFUSED or row["seen"] == Seen.REFUSED


def _one(rows: Sequence[RowMapping]) -> Looked:
    pages = [row for row in rows if row["signal"] == "page"] or rows
    let_in = [row for row in rows if not _refused(row) and row["healthy"] is not None]
    refused = all(_refused(row) for row in pages)
    own = [row for row in let_in if row["signal"] == "inside"]
    judged = own if refused else let_in
    verdict = all(row["healthy"] for row in judged) if judged else None
    return Looked(
        run=rows[0]["run"],
        at=rows[0]["at"],
        phase=rows[0]["phase"],
        healthy=verdict,
        refused=pages[0]["status"] if refused else None,
        answered=any(row["status"] == _ANSWERED for row in pages),
    )
