"""Between two rings of a run: count the failures, wait for the soak time, check the sites again.

The end of the soak time is computed from the ledger alone, so a run that was killed while it waited still
waits until then when it is resumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from runner.apply.probe import check_site, compare_with_baseline
from runner.errors import SitecrewError
from runner.hosts.boundary import each
from runner.inspect.prober import failed_check
from runner.model import Order, Outcome, Site
from runner.units import count, iso, utc
from runner.verify import Signals

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.record import SiteRow

__all__ = ["Halt", "wait_for_next_ring"]

T = TypeVar("T")
_BAD = (Outcome.LOST, Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNDONE)
_PATIENCE = 5.0
"""Seconds for which a site must stay worse before it counts."""
_AT_ONCE = 10
_CHECK_LIMIT = 300.0
"""Seconds for the health checks of one site; each check has a shorter limit of its own."""
_LONGEST_WAIT = 1.0
"""Seconds between two checks of the clock, which may be changed, and of whether to stop."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why no further ring is started, and the outcome of the sites that are left."""

    outcome: Outcome
    why: str


def wait_for_next_ring(session: Session, order: Order, number: int) -> Halt | None:
    """Wait until the next ring may start, or return why it may not.

    Args:
        session: emits events; stopping the run ends the wait.
        order: the order of the run.
        number: number of the ring that has ended, counted from 0.
    """
    if session.stopping(order.run):
        return None  # the sites that are left are cancelled, so that `resume` continues with them
    if stopped := _too_many_failed(session, order, number):
        return stopped
    rows = session.ledger.sites.list(order.run)
    soak, ended = order.policy.ring_soak, [row.finished for row in _of(rows, order, number) if row.finished]
    if not soak or not ended or any(row.started for row in _of(rows, order, number + 1)):
        return None
    until = max(ended) + soak
    if order.closes and until >= order.closes:
        why = f"the window closes at {utc(order.closes)}, ring {number + 1} soaks until {utc(until)}"
        return Halt(Outcome.MISSED, why)
    healthy = [row.site for row in _of(rows, order, number) if row.outcome not in _BAD]
    sites = [site for site in order.sites if site.name in healthy]
    before = _each(sites, lambda site: check_site(session.context(order, site, 1)), failed_check)
    if until > session.now():
        session.emit("ring.soaking", order.run, ring=number + 1, of=len(order.rings), until=iso(until))
    if not _wait(session, order.run, until):
        return None
    checks = _each(
        sites, lambda site: _worse(session, order, site, before[site.name]), lambda _, error: str(error)
    )
    for site, worse in checks.items():
        if worse:
            why = session.reason(f"unhealthy after the soak time of its ring: {worse}")
            session.ledger.sites.finished(order.run, site, Outcome.FAILED, why, session.now())
            session.emit("site.finished", order.run, site, outcome=Outcome.FAILED, why=why)
    return _too_many_failed(session, order, number)


def _of(rows: Sequence[SiteRow], order: Order, number: int) -> list[SiteRow]:
    return [row for row in rows if row.site in order.rings[number]]


def _too_many_failed(session: Session, order: Order, number: int) -> Halt | None:
    rows = _of(session.ledger.sites.list(order.run), order, number)
    counts = Counter(row.outcome for row in rows if row.outcome in _BAD)
    limit = order.policy.ring_failures
    if not rows or counts.total() <= limit * len(rows):
        return None
    failures = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _BAD if counts[outcome])
    sites = count(len(rows), "site")
    why = f"not started: ring {number + 1} failed ({failures} of {sites}; the limit is {limit * 100:g}%)"
    return Halt(Outcome.SKIPPED, why)


def _wait(session: Session, run: str, until: datetime) -> bool:
    """Wait until a time; False if the run is stopped before."""
    while (left := (until - session.now()).total_seconds()) > 0:
        session.stop(run).asked.wait(min(left, _LONGEST_WAIT))
        if session.stopping(run):
            return False
    return not session.stopping(run)


def _each(
    sites: Sequence[Site], check: Callable[[Site], T], failed: Callable[[Site, SitecrewError], T]
) -> dict[str, T]:
    """Check sites in parallel; return the results by site, that of `failed` for a site with an error."""
    found = each(sites, check, at_once=_AT_ONCE, limit=lambda _: _CHECK_LIMIT)
    return {
        site.name: failed(site, seen) if isinstance(seen, SitecrewError) else seen for site, seen in found
    }


def _worse(session: Session, order: Order, site: Site, before: Signals) -> str:
    """Return what is wrong with a site, whether since the soak time or, if it was not checked, before."""
    ctx = session.context(order, site, 1)
    before = ctx.prober.settle(before)
    seen, found = compare_with_baseline(ctx, before, "soak", patience=_PATIENCE)
    return found or "; ".join(seen.findings)
