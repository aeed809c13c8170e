"""Between two rings of a run: how the one before went, the soak, and a look at its sites before the next.

What is waited for is known from the ledger alone, so a run that was killed while it soaked goes on soaking
when it is resumed, and not longer than it would have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from runner.apply.probe import see, see_again
from runner.errors import SitecrewError
from runner.hosts.boundary import each
from runner.inspect.prober import failed_check
from runner.model import Order, Outcome, Site
from runner.verify import Signals

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.record import SiteRow

__all__ = ["Halt", "halt"]

T = TypeVar("T")
_BAD = (Outcome.LOST, Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNDONE)
_PATIENCE = 5.0
"""Seconds for which a site must stay worse before it counts."""
_AT_ONCE = 10
_LOOK_LIMIT = 300.0
"""Seconds for all looks at one site; each of them has a shorter limit of its own."""
_LONGEST = 1.0
"""Seconds between two looks at the clock, which somebody may set meanwhile, and at whether to stop."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why no further ring is begun, and what that makes of its sites."""

    outcome: Outcome
    why: str


def halt(session: Session, order: Order, number: int) -> Halt | None:
    """Wait until the ring after this one may begin; why it may not, or None.

    Args:
        session: where it is told; stopping the run ends the waiting.
        order: what is done.
        number: of the ring that has ended, from 0.
    """
    if session.stopping(order.run):
        return None  # what is left is cancelled, so that `resume` goes on with it
    if stopped := _too_many_failed(session, order, number):
        return stopped
    rows = session.ledger.site_rows(order.run)
    soak, ended = order.policy.ring_soak, [row.finished for row in _of(rows, order, number) if row.finished]
    if not soak or not ended or any(row.started for row in _of(rows, order, number + 1)):
        return None
    until = max(ended) + soak
    if order.closes and until >= order.closes:
        why = f"the window closes at {order.closes:%H:%M} UTC, ring {number + 1} soaks until {until:%H:%M}"
        return Halt(Outcome.MISSED, why)
    well = [row.site for row in _of(rows, order, number) if row.outcome not in _BAD]
    sites = [site for site in order.sites if site.name in well]
    before = _each(sites, lambda site: see(session.context(order, site, 1)), failed_check)
    if until > session.now():
        session.emit("ring.soaking", order.run, ring=number + 1, of=len(order.rings), until=until.isoformat())
    if not _wait(session, order.run, until):
        return None
    looks = _each(
        sites, lambda site: _worse(session, order, site, before[site.name]), lambda _, error: str(error)
    )
    for site, worse in looks.items():
        if worse:
            why = session.reason(f"not well any more when its ring had soaked: {worse}")
            session.ledger.finish_site(order.run, site, Outcome.FAILED, why, session.now())
            session.emit("site.finished", order.run, site, outcome=Outcome.FAILED, why=why)
    return _too_many_failed(session, order, number)


def _of(rows: Sequence[SiteRow], order: Order, number: int) -> list[SiteRow]:
    return [row for row in rows if row.site in order.rings[number]]


def _too_many_failed(session: Session, order: Order, number: int) -> Halt | None:
    rows = _of(session.ledger.site_rows(order.run), order, number)
    counts = Counter(row.outcome for row in rows if row.outcome in _BAD)
    limit = order.policy.ring_failures
    if not rows or counts.total() <= limit * len(rows):
        return None
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _BAD if counts[outcome])
    many = f"{len(rows)} site{'' if len(rows) == 1 else 's'}"
    why = f"not begun, since ring {number + 1} went badly: {said} of {many}; {limit * 100:g}% may be"
    return Halt(Outcome.SKIPPED, why)


def _wait(session: Session, run: str, until: datetime) -> bool:
    """Whether the time has come; False when the run is stopped before."""
    while (left := (until - session.now()).total_seconds()) > 0:
        session.stop(run).asked.wait(min(left, _LONGEST))
        if session.stopping(run):
            return False
    return not session.stopping(run)


def _each(
    sites: Sequence[Site], look: Callable[[Site], T], failed: Callable[[Site, SitecrewError], T]
) -> dict[str, T]:
    """What each site looks like, by its name; `failed` says it of one that could not be looked at."""
    found = each(sites, look, at_once=_AT_ONCE, limit=lambda _: _LOOK_LIMIT)
    return {
        site.name: failed(site, seen) if isinstance(seen, SitecrewError) else seen for site, seen in found
    }


def _worse(session: Session, order: Order, site: Site, before: Signals) -> str:
    """What is wrong with a site, be it since the soak or, as nobody may have looked, since before."""
    ctx = session.context(order, site, 1)
    before = ctx.prober.settle(before)
    seen, found = see_again(ctx, before, "soak", patience=_PATIENCE)
    return found or "; ".join(seen.findings)
