"""Looks of a period: each one, or for older ones summaries of five minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, case, func, select

from runner.model import Seen
from runner.record.schema import Instant, look_summaries, looks, websites
from runner.record.views import LookSummary, LookView

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["SLOT", "Looked", "looked_in", "summaries_of_sites", "summary_rows", "summary_view"]

SLOT = timedelta(minutes=5)
"""The looks of a run at a site within one slot, in one phase, become one summary."""
_REFUSED = frozenset({401, 403, 429})
_ANSWERED = 200
_OF_LOOK = tuple(looks.c[name] for name in ("run", "at", "phase", "signal", "healthy", "status", "seen"))


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


def looked_in(
    connection: Connection, website: int, client: str | None, start: datetime, end: datetime
) -> list[Looked]:
    """Return the looks at a website from `start` to before `end`, newest first."""
    seen = select(*_OF_LOOK).where(looks.c.website == website, looks.c.at >= start, looks.c.at < end)
    old = select(look_summaries).where(
        look_summaries.c.website == website, look_summaries.c.last >= start, look_summaries.c.last < end
    )
    if client is not None:
        seen, old = seen.where(looks.c.client == client), old.where(look_summaries.c.client == client)
    ordered = seen.order_by(looks.c.at.desc(), looks.c.phase, looks.c.id.desc())
    found = _grouped(connection.execute(ordered).mappings())
    found += [look for row in connection.execute(old).mappings() for look in _of_summary(row)]
    return sorted(sorted(found, key=lambda look: look.phase), key=lambda look: look.at, reverse=True)


def summaries_of_sites(
    connection: Connection, of_looks: ColumnElement[bool], of_summaries: ColumnElement[bool]
) -> tuple[LookSummary, ...]:
    """Return the number of looks at each site, with conditions for `looks` and for `look_summaries`."""
    healthy = func.coalesce(func.sum(case((looks.c.healthy.is_(True), 1), else_=0)), 0)
    unhealthy = func.coalesce(func.sum(case((looks.c.healthy.is_(False), 1), else_=0)), 0)
    old, instant = look_summaries.c, Instant()
    single = (
        select(
            websites.c.name.label("site"),
            func.count().label("total"),
            healthy.label("healthy"),
            unhealthy.label("unhealthy"),
            func.max(looks.c.seconds).label("slowest"),
            func.min(looks.c.at, type_=instant).label("first"),
            func.max(looks.c.at, type_=instant).label("last"),
        )
        .join(websites, websites.c.id == looks.c.website)
        .where(of_looks)
        .group_by(websites.c.name)
    )
    together = (
        select(
            websites.c.name.label("site"),
            func.sum(old.total).label("total"),
            func.sum(old.healthy).label("healthy"),
            func.sum(old.unhealthy).label("unhealthy"),
            func.max(old.slowest).label("slowest"),
            func.min(old.first, type_=instant).label("first"),
            func.max(old.last, type_=instant).label("last"),
        )
        .join(websites, websites.c.id == old.website)
        .where(of_summaries)
        .group_by(websites.c.name)
    )
    found: dict[str, LookSummary] = {}
    for query in (single, together):
        for row in connection.execute(query).mappings():
            new = _counted(row)
            found[new.site] = _added(found[new.site], new) if new.site in found else new
    return tuple(found[name] for name in sorted(found))


def summary_rows(rows: Iterable[RowMapping]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `look_summaries` for the looks at one website. Pure."""

    def slot(row: RowMapping) -> tuple[Any, ...]:
        return row["run"] or "", row["client"] or "", row["site"], row["phase"], _slot_of(row["at"])

    for _, group in groupby(sorted(rows, key=slot), key=slot):
        together = sorted(group, key=lambda row: row["id"], reverse=True)
        yield _summary(sorted(together, key=lambda row: row["at"], reverse=True))


def summary_view(row: RowMapping) -> LookView:
    """Return a summary as one entry of the looks of a run."""
    healthy, unhealthy = row["last_healthy"], row["last_unhealthy"]
    verdicts = {at: verdict for at, verdict in ((healthy, True), (unhealthy, False)) if at is not None}
    return LookView(
        site=row["site"],
        run=row["run"],
        at=row["last"],
        phase=row["phase"],
        signal="summary",
        healthy=verdicts[max(verdicts)] if verdicts else None,
        seconds=row["slowest"],
        note=f"{row['total']} looks: {row['healthy']} healthy, {row['unhealthy']} unhealthy",
    )


def _slot_of(at: datetime) -> datetime:
    minutes = at.minute - at.minute % (SLOT // timedelta(minutes=1))
    return at.replace(minute=minutes, second=0, microsecond=0)


def _summary(rows: Sequence[RowMapping]) -> dict[str, Any]:
    """Return the summary of the looks of one slot, newest first."""
    newest, seen = rows[0], _grouped(rows)
    return {
        **{name: newest[name] for name in ("run", "site", "phase", "client", "website")},
        "first": rows[-1]["at"],
        "last": newest["at"],
        "total": len(rows),
        "healthy": sum(row["healthy"] is True for row in rows),
        "unhealthy": sum(row["healthy"] is False for row in rows),
        "slowest": max((row["seconds"] for row in rows if row["seconds"] is not None), default=None),
        "last_healthy": next((look.at for look in seen if look.healthy is True), None),
        "last_unhealthy": next((look.at for look in seen if look.healthy is False), None),
        "refused": seen[0].refused,
        "answered": any(look.answered for look in seen),
    }


def _of_summary(row: RowMapping) -> Iterator[Looked]:
    """Yield the looks that a summary contains: the newest, the last healthy and the last unhealthy one."""
    healthy, unhealthy, last = row["last_healthy"], row["last_unhealthy"], row["last"]
    for at in {last, healthy, unhealthy} - {None}:
        yield Looked(
            run=row["run"],
            at=at,
            phase=row["phase"],
            healthy=True if at == healthy else False if at == unhealthy else None,
            refused=row["refused"] if at == last else None,
            answered=row["answered"],
        )


def _grouped(rows: Iterable[RowMapping]) -> list[Looked]:
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


def _counted(row: RowMapping) -> LookSummary:
    total, healthy, unhealthy = int(row["total"]), int(row["healthy"]), int(row["unhealthy"])
    rest = {name: row[name] for name in ("site", "slowest", "first", "last")}
    unknown = total - healthy - unhealthy
    return LookSummary(**rest, total=total, healthy=healthy, unhealthy=unhealthy, unknown=unknown)


def _added(one: LookSummary, other: LookSummary) -> LookSummary:
    return replace(
        one,
        total=one.total + other.total,
        healthy=one.healthy + other.healthy,
        unhealthy=one.unhealthy + other.unhealthy,
        unknown=one.unknown + other.unknown,
        slowest=max((each for each in (one.slowest, other.slowest) if each is not None), default=None),
        first=min(one.first, other.first),
        last=max(one.last, other.last),
    )
