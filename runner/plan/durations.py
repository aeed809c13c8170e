"""How long a playbook takes on a site, and whether that fits before a window closes. Pure.

An estimate is a high percentile of earlier runs plus the time of a rollback. What is longer than the whole
window by its slow runs only may be started when the window opens: otherwise one slow run would exclude the
site for ever.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runner.model import Basis, Estimate

if TYPE_CHECKING:
    from runner.record import SiteDuration

__all__ = ["LAST_RUNS", "Forecast", "Job", "about", "estimate", "forecast", "rollback_begins", "why_too_late"]

LAST_RUNS = 10
"""Number of runs of a site that count."""
_PERCENTILE = 0.9
_WORK = timedelta(minutes=10).total_seconds()
"""Seconds for a site while no run of the playbook is known."""
_ROLLBACK = timedelta(minutes=2).total_seconds()
"""Seconds for a rollback while none is known."""
_STOPPING = timedelta(seconds=30).total_seconds()
"""Seconds to stop steps that are not rolled back."""
_NEARLY_ALL = 0.9
"""The share of a window that a site may need because of slow runs."""
_DEFAULT_SHARE = 0.5
"""The share of a window that a site needs at most while no run is known."""
_RESERVE_SHARE = 0.25
"""The share of a window that is reserved at most while no rollback is known."""


def estimate(
    own: Sequence[SiteDuration], others: Sequence[SiteDuration], *, transacts: bool, lasts: timedelta
) -> Estimate:
    """Return what a playbook needs on a site.

    Args:
        own: the last runs of the playbook on the site.
        others: runs of it on other sites of the same kind, which count if `own` is empty.
        transacts: whether the playbook has steps that are rolled back.
        lasts: how long the window is open.
    """
    window = lasts.total_seconds()
    reserve = _reserve([*own, *others], window, transacts=transacts)
    samples = sorted(one.seconds for one in own or others)
    if not samples:
        work = min(_WORK, _DEFAULT_SHARE * window)
        return Estimate(seconds=work + reserve, reserve=reserve)
    high, typical = _percentile(samples, _PERCENTILE) + reserve, _percentile(samples, 0.5) + reserve
    return Estimate(
        seconds=min(high, max(typical, _NEARLY_ALL * window)),
        reserve=reserve,
        basis=Basis.SITE if own else Basis.PLAYBOOK,
        runs=len(samples),
    )


def why_too_late(found: Estimate, *, opens: datetime, closes: datetime, now: datetime) -> str:
    """Return why a site is not started now; empty if it ends before the window closes."""
    left = (closes - now).total_seconds()
    if found.seconds <= left:
        return ""
    window = (closes - opens).total_seconds()
    if found.seconds > window:
        return f"needs about {about(found.seconds)}, the window is open for {about(window)}"
    return f"needs about {about(found.seconds)}, the window closes in {about(left, up=False)}"


def rollback_begins(found: Estimate | None, closes: datetime) -> datetime:
    """Return the time from which nothing is started and changes in progress are rolled back."""
    return closes - timedelta(seconds=found.reserve if found else 0)


@dataclass(frozen=True, slots=True)
class Job:
    """One site in a forecast."""

    site: str
    host: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is likely to happen in a window."""

    seconds: float | None
    """Until the last site that fits has ended; None if no run is known for one of the sites."""
    lasts: float
    """Seconds for which the window is open."""
    late: tuple[str, ...] = ()
    """Sites for which too little time is likely to be left."""


@dataclass(slots=True)
class _Places:
    """When each of the places for sites that run at the same time is free, in seconds from the opening."""

    at_once: int
    per_host: int
    _free: list[float] = field(default_factory=list)
    _of_host: dict[str, list[float]] = field(default_factory=dict)

    def start(self, host: str, earliest: float) -> float:
        """Return when a site can start."""
        mine = self._of_host.setdefault(host, [])
        times = [earliest]
        times += [self._free[0]] if len(self._free) >= self.at_once else []
        times += [mine[0]] if len(mine) >= self.per_host else []
        return max(times)

    def take(self, host: str, until: float) -> None:
        """Occupy the places that are free first."""
        for places, most in ((self._free, self.at_once), (self._of_host[host], self.per_host)):
            if len(places) >= most:
                heapq.heapreplace(places, until)
            else:
                heapq.heappush(places, until)


def forecast(
    rings: Iterable[Sequence[Job]], *, at_once: int, per_host: int, soak: timedelta, lasts: timedelta
) -> Forecast:
    """Forecast a run in a window, with each site taking as long as estimated.

    Args:
        rings: the sites, ring by ring.
        at_once: number of sites that run at the same time.
        per_host: number of them on one host.
        soak: time between two rings.
        lasts: how long the window is open.
    """
    window, ends, late = lasts.total_seconds(), 0.0, list[str]()
    rings = tuple(rings)
    if any(job.estimate.basis is Basis.DEFAULT for ring in rings for job in ring):
        return Forecast(seconds=None, lasts=window)
    for number, ring in enumerate(rings):
        places = _Places(at_once, per_host)
        earliest = ends + (soak.total_seconds() if number else 0.0)
        for job in ring:
            start = places.start(job.host, earliest)
            if start + job.estimate.seconds > window:
                late.append(job.site)
                continue
            end = start + job.estimate.seconds - job.estimate.reserve
            places.take(job.host, end)
            ends = max(ends, end)
    return Forecast(seconds=ends, lasts=window, late=tuple(late))


def about(seconds: float, *, up: bool = True) -> str:
    """Format a number of seconds in minutes, rounded up or down: `9 min`, `1 h 10 min`."""
    minutes = max(math.ceil(seconds / 60) if up else math.floor(seconds / 60), 1 if up else 0)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _reserve(samples: Iterable[SiteDuration], window: float, *, transacts: bool) -> float:
    """Return the seconds for the longest rollback that is known, else for one by default."""
    if not transacts:
        return min(_STOPPING, _RESERVE_SHARE * window)
    known = [one.rollback for one in samples if one.rollback is not None]
    return max(known) if known else min(_ROLLBACK, _RESERVE_SHARE * window)


def _percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that is not exceeded by this share of them; they are sorted."""
    return samples[max(math.ceil(share * len(samples)), 1) - 1]
