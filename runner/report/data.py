"""The content of a report, without language and layout: one `ReportData` per client and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runner.model import Agency, ItemKind, Outcome, Period, Slowdown

__all__ = [
    "About",
    "AutoLine",
    "BackupLine",
    "Card",
    "CompletedUpdate",
    "Evidence",
    "Issue",
    "NextWindow",
    "PackagePart",
    "ReportData",
    "SiteLine",
    "SiteState",
    "Status",
    "WindowCount",
]


class Status(StrEnum):
    """The overall result of a report, decided by rules."""

    GOOD = "good"
    ATTENTION = "attention"
    """Something was not done or was rolled back, or nothing is known."""
    ACTION = "action"
    """The last run on a site failed or was lost, or the last look found the site unhealthy."""


class SiteState(StrEnum):
    """The state of a site after the last run of the period."""

    HEALTHY = "healthy"
    """The last look with a verdict after the last change found it healthy."""
    UNKNOWN = "unknown"
    """No look since the last change had a verdict, or the site refuses all requests."""
    UNTOUCHED = "untouched"
    """No run worked on it."""
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    """The last run failed, or the last look after it found the site unhealthy."""
    LOST = "lost"


class About(StrEnum):
    """What an open issue is about."""

    ITEM = "item"
    """An item: a plugin, a theme, WordPress itself, ..."""
    CHECK = "check"
    """The check for available updates."""
    BACKUP = "backup"
    LOOK = "look"
    UNSEEN = "unseen"
    """Unverified changes of a site."""
    SLOWER = "slower"
    """A page that became slower with an update that was kept."""
    UNDO = "undo"
    """An update that was undone by hand, or could not be undone."""
    STEP = "step"
    SITE = "site"
    """A run on a site as a whole."""
    WINDOW = "window"
    PAUSE = "pause"
    """Openings of a window that were skipped since the client was paused."""
    APPROVAL = "approval"
    """Openings of a window, or sites in one, that were skipped since their plan was not approved."""
    UNATTENDED = "unattended"
    """A window that no scheduler runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A site and its state. `label` is the name for clients: the address without its technical parts."""

    name: str
    label: str
    url: str
    state: SiteState
    last: datetime | None = None
    """When the last run on it started."""


@dataclass(frozen=True, slots=True)
class Card:
    """One figure; `of` is None if the expected number is unknown."""

    value: int
    of: int | None = None


@dataclass(frozen=True, slots=True)
class PackagePart:
    """One of several items that are listed as one."""

    item: str
    from_version: str
    to_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedUpdate:
    """One update that is in place, as read from the site. If it has `parts`, these have the versions."""

    site: str
    item: str
    kind: ItemKind
    title: str
    from_version: str
    to_version: str
    at: datetime
    run: str
    attempts: int = 1
    why: str = ""
    parts: tuple[PackagePart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue: something that was not done, is held, was undone or failed, and why.

    `at` lists every time it happened, oldest first. `solved` is when it was resolved.
    """

    about: About
    outcome: Outcome
    at: tuple[datetime, ...]
    site: str = ""
    """Empty for a window of several sites."""
    item: str = ""
    kind: ItemKind | None = None
    title: str = ""
    from_version: str = ""
    to_version: str = ""
    why: str = ""
    parts: tuple[PackagePart, ...] = ()
    waiting: bool = False
    """The item is on hold."""
    uncertain: bool = False
    """It is not certain that the item is at `from_version`."""
    by_itself: str = ""
    """WordPress's own automatic update of the item: `off` while the item is held, `forced` if it cannot be
    switched off, empty if there is none."""
    slowdown: Slowdown | None = None
    """Which page became slower, and by how much."""
    solved: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the issue is not resolved."""
        return self.solved is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoLine:
    """WordPress's own automatic update of a held item, and its state at the end of the period."""

    site: str
    item: str
    kind: ItemKind
    state: str
    """As in the ledger."""
    why: str = ""
    """What forces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLine:
    """The backups of one site. Sizes in bytes."""

    site: str
    taken: int
    expected: int | None = None
    newest: datetime | None = None
    newest_bytes: int | None = None
    verified: datetime | None = None
    """When the newest was last compared with its manifest."""


@dataclass(frozen=True, slots=True)
class WindowCount:
    """The number of windows due in the period, without blackouts, and how many of them did not run."""

    due: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextWindow:
    """The next opening of a window, in UTC, and the names of its sites."""

    window: str
    starts: datetime
    closes: datetime
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The data behind the figures: `days` of the period have passed, `days_with_data` have records."""

    report: str
    days: int
    days_with_data: int
    runs: tuple[str, ...]
    generated: datetime
    answer_to: str = ""
    """The address to reply to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything in a client's report about a period. Sections without data are empty."""

    client: str
    client_name: str
    language: str
    timezone: str
    agency: Agency
    period: Period
    complete: bool
    """Whether the period is over."""
    status: Status
    sites: tuple[SiteLine, ...]
    evidence: Evidence
    cards: Mapping[str, Card] = field(default_factory=dict)
    done: tuple[CompletedUpdate, ...] = ()
    undone: tuple[Issue, ...] = ()
    auto_updates: tuple[AutoLine, ...] = ()
    backups: tuple[BackupLine, ...] = ()
    next: tuple[NextWindow, ...] = ()
    windows: WindowCount | None = None
    """None if no window was due."""

    @property
    def kind(self) -> str:
        """`final` if the period is over, else `interim-` and the day, because each interim report differs."""
        return "final" if self.complete else f"interim-{self.evidence.generated:%Y-%m-%d}"

    @property
    def open(self) -> tuple[Issue, ...]:
        """The unresolved issues."""
        return tuple(point for point in self.undone if point.open)

    def label(self, site: str) -> str:
        """Return the name of a site for the client."""
        return next((line.label for line in self.sites if line.name == site), site)
