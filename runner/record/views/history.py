"""What happened to sites in a span of time, and what was not measured in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from runner.model import Outcome
from runner.record.views.care import BackupView, HoldView, WindowView
from runner.record.views.identity import WebsiteView
from runner.record.views.runs import AutoUpdateView, ChangeView

__all__ = ["TOUCHED", "Failure", "History", "LastLook", "LookSummary", "Measured", "SiteRun"]

Measured = Literal["changes", "backups", "looks", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRun:
    """A run as one site saw it; `outcome` is None while it lasts."""

    run: str
    playbook: str
    title: str
    window: str | None
    site: str
    outcome: Outcome | None
    why: str
    started: datetime
    """When the run began."""
    finished: datetime | None
    """When the site was through."""
    undoes: str | None = None
    """The earlier run that it undoes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A step that did not do what it should: failed, lost, unreachable, undone, cancelled or missed."""

    run: str
    site: str
    step: str
    kind: str
    title: str
    outcome: Outcome
    why: str
    finished: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSummary:
    """The looks at one site, counted; `unknown` are those without a verdict."""

    site: str
    total: int
    healthy: int
    unhealthy: int
    unknown: int
    slowest: float | None
    """Seconds."""
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLook:
    """What the looks say of how a site is at the end of a span."""

    site: str
    healthy: bool | None
    """The verdict of the last look that gave one after the last change; None where there is no such look."""
    at: datetime | None = None
    """When that was."""
    refused: int | None = None
    """The status with which the newest look was refused everywhere, where an earlier one was answered."""
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the ledger knows of `sites`, named as they are now, from `start` (included) to `end` (excluded).

    An empty tuple means "there was none" only where `measured` names the subject; elsewhere nobody looked,
    and the report has to say so.
    """

    sites: tuple[str, ...]
    start: datetime
    end: datetime
    runs: tuple[SiteRun, ...]
    changes: tuple[ChangeView, ...]
    failures: tuple[Failure, ...]
    backups: tuple[BackupView, ...]
    looks: tuple[LookSummary, ...]
    last_looks: tuple[LastLook, ...]
    windows: tuple[WindowView, ...]
    holds: tuple[HoldView, ...]
    """Those that held at some time of the span."""
    websites: tuple[WebsiteView, ...] = ()
    """Those of `sites` that are on record."""
    later: tuple[ChangeView, ...] = ()
    """What was undone after the span, or installed again by the undo of an undo, until now."""
    auto_updates: tuple[AutoUpdateView, ...] = ()
    """WordPress's own updates of held items that were switched off, on again, or could not be."""
    measured: frozenset[Measured]
    first: datetime | None
    """The first instant of the span about which anything is recorded, None for nothing at all."""
    last: datetime | None
    since: datetime | None
    """Since when the ledger knows any of these sites, also before the span."""

    def of(self, site: str, measured: Measured) -> bool:
        """Whether a subject was measured for one site."""
        match measured:
            case "changes":
                return any(run.site == site and run.outcome in TOUCHED for run in self.runs)
            case "backups":
                return any(backup.site == site for backup in self.backups) or any(
                    failure.site == site and failure.kind == "backup" for failure in self.failures
                )
            case "looks":
                return any(look.site == site for look in self.looks)
            case "windows":
                return any(window.site in {"", site} for window in self.windows)

    def days_with_runs(self, timezone: str) -> frozenset[date]:
        """The local days on which any run touched any of the sites."""
        zone = ZoneInfo(timezone)
        return frozenset(run.started.astimezone(zone).date() for run in self.runs)


TOUCHED = {Outcome.FAILED, Outcome.UNDONE, Outcome.HELD, Outcome.CHANGED, Outcome.OK}
