"""What the ledger tells about a client's sites in a period, as plain values: the input of a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runner.model import ChangeOutcome, Outcome

__all__ = ["Did", "DueWindow", "History", "Look", "Snapshot", "Work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """A step of a work."""

    kind: str
    title: str
    outcome: Outcome
    at: datetime
    why: str = ""
    changes: tuple[ChangeOutcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One run on one site. `outcome` is None while it lasts."""

    run: str
    site: str
    started: datetime
    outcome: Outcome | None
    why: str = ""
    steps: tuple[Did, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """A look from outside; `healthy` is None when it could not tell."""

    site: str
    at: datetime
    healthy: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A backup that was taken, in bytes."""

    snapshot: str
    site: str
    taken: datetime
    bytes: int
    verified: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWindow:
    """A window that was due and did not become a run: `missed`, or `skipped` (a blackout)."""

    window: str
    starts: datetime
    outcome: Outcome
    why: str = ""
    site: str = ""
    """Empty when it concerns several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that was recorded about the sites, oldest first in each."""

    works: tuple[Work, ...] = ()
    looks: tuple[Look, ...] = ()
    backups: tuple[Snapshot, ...] = ()
    windows: tuple[DueWindow, ...] = ()
    checked: bool = True
    """Every question for new versions was answered."""
