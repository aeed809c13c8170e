"""What happened to sites in a period, and what was not measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from runner.model import Outcome
from runner.record.views.care import BackupView, HoldView, WindowView
from runner.record.views.evidence import AutoUpdateView
from runner.record.views.identity import WebsiteView
from runner.record.views.runs import ChangeView

__all__ = ["TOUCHED", "Failure", "History", "LastLook", "LookSummary", "Measured", "SiteRun"]

Measured = Literal["changes", "backups", "looks", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRun:
    """One site's part of a run; `outcome` is None until it ends."""

    run: str
    playbook: str
    title: str
    window: str | None
    site: str
    outcome: Outcome | None
    why: str
    started: datetime
    """When the run started."""
    finished: datetime | None
    """When the site was finished."""
    undoes: str | None = None
    """The earlier run that it undoes."""
    site_started: datetime | None = None
    """When the site was started; None if it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A step that failed or was lost, unreachable, undone, cancelled or missed."""

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
    """The number of looks at one site; `unknown` counts those without a verdict."""

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
    """The health of a site at the end of a period, according to its looks."""

    site: str
    healthy: bool | None
    """The last verdict after the last change; None if there is none."""
    at: datetime | None = None
    """When that look was taken."""
    refused: int | None = None
    """The status with which the newest look was refused on every page, if an earlier look was answered."""
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The ledger's records of `sites`, by their present names, from `start` (included) to `end` (excluded).

    An empty tuple means "there were none" only for the subjects in `measured`. Any other subject was not
    measured, and the report has to say so.
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
    """Holds in force at any time of the period."""
    websites: tuple[WebsiteView, ...] = ()
    """Those of `sites` that are in the ledger."""
    later: tuple[ChangeView, ...] = ()
    """Undos after the period, including undos of undos, until now."""
    auto_updates: tuple[AutoUpdateView, ...] = ()
    """WordPress's own updates of held items: switched off, switched on again, or forced."""
    measured: frozenset[Measured]
    first: datetime | None
    """The first instant of the period with a record; None if there is no record."""
    last: datetime | None
    since: datetime | None
    """The first instant with a record of any of these sites, even before the period."""

    def of(self, site: str, measured: Measured) -> bool:
        """Return whether a subject was measured for one site."""
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
        """Return the local days on which a run on any of the sites started."""
        zone = ZoneInfo(timezone)
        return frozenset(run.started.astimezone(zone).date() for run in self.runs)


TOUCHED = {Outcome.FAILED, Outcome.UNDONE, Outcome.HELD, Outcome.CHANGED, Outcome.OK}
