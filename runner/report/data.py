"""What a client's report says, free of language and looks: one `ReportData` per client and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from runner.model import Agency, ItemKind, Outcome, Period, Slowdown

__all__ = [
    "About",
    "AutoLine",
    "BackupLine",
    "Card",
    "Done",
    "Evidence",
    "NextWindow",
    "Part",
    "ReportData",
    "SiteLine",
    "SiteState",
    "Status",
    "Undone",
    "WindowCount",
]


class Status(StrEnum):
    """Is all well? Decided by rule, never by hand."""

    GOOD = "good"
    ATTENTION = "attention"
    """Something was not done or was taken back, or nothing is known."""
    ACTION = "action"
    """The last work on a site left it failed or lost, or the last look found it not well."""


class SiteState(StrEnum):
    """How a site was left by the last work of the period."""

    HEALTHY = "healthy"
    """The last look from outside that gave a verdict after the last change found it well."""
    UNKNOWN = "unknown"
    """Worked on, and no look since the last change gave a verdict, or the site refuses everybody."""
    UNTOUCHED = "untouched"
    """Nothing was done on it."""
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    """The last work failed, or the last look after it found the site not well."""
    LOST = "lost"


class About(StrEnum):
    """What an open point is about."""

    ITEM = "item"
    """A plugin, a theme, WordPress itself ..."""
    CHECK = "check"
    """The question whether there are updates."""
    BACKUP = "backup"
    LOOK = "look"
    UNSEEN = "unseen"
    """What was changed while nobody could look at the site."""
    SLOWER = "slower"
    """A page that takes longer since an update that stayed."""
    UNDO = "undo"
    """An update that was undone by hand, or could not be."""
    STEP = "step"
    SITE = "site"
    """The whole work on a site."""
    WINDOW = "window"
    UNATTENDED = "unattended"
    """A window that no scheduler keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A site and how it is. `label` is what a client calls it: the address without its technical parts."""

    name: str
    label: str
    url: str
    state: SiteState
    last: datetime | None = None
    """When the last work on it began."""


@dataclass(frozen=True, slots=True)
class Card:
    """One figure; `of` is None where nobody knows how many there should have been."""

    value: int
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One of several items that are told as one."""

    item: str
    from_version: str
    to_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One update that is in place, as re-read from the site. With `parts`, these have the versions."""

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
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Something that was not done, is held, was undone or failed, and why.

    `at` holds every instant at which it came to that, oldest first. `solved` is when it was done after all.
    """

    about: About
    outcome: Outcome
    at: tuple[datetime, ...]
    site: str = ""
    """Empty for a window that concerns several sites."""
    item: str = ""
    kind: ItemKind | None = None
    title: str = ""
    from_version: str = ""
    to_version: str = ""
    why: str = ""
    parts: tuple[Part, ...] = ()
    waiting: bool = False
    """The item is on hold since."""
    uncertain: bool = False
    """It is not certain that the item is at `from_version`."""
    by_itself: str = ""
    """WordPress's own automatic update of it: `off` for as long as it is held, `forced` where it cannot be
    held, empty where there is none."""
    slowdown: Slowdown | None = None
    """What takes longer, in seconds."""
    solved: datetime | None = None

    @property
    def open(self) -> bool:
        """Still so at the end of the period."""
        return self.solved is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoLine:
    """WordPress's own automatic update of a held item, as the period left it."""

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
    """Windows that were due in the period, blackouts left out, and those of them that did not take place."""

    due: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextWindow:
    """When work may be done next, in UTC, and on which sites (names)."""

    window: str
    starts: datetime
    closes: datetime
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the figures rest on. `days` of the period have passed, `days_with_data` of them left a record."""

    report: str
    days: int
    days_with_data: int
    runs: tuple[str, ...]
    generated: datetime
    answer_to: str = ""
    """Address of a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything that a client's report says about a period. Sections that nothing feeds are empty."""

    client: str
    client_name: str
    language: str
    timezone: str
    agency: Agency
    period: Period
    complete: bool
    """The period is over."""
    status: Status
    sites: tuple[SiteLine, ...]
    evidence: Evidence
    cards: Mapping[str, Card] = field(default_factory=dict)
    done: tuple[Done, ...] = ()
    undone: tuple[Undone, ...] = ()
    auto_updates: tuple[AutoLine, ...] = ()
    backups: tuple[BackupLine, ...] = ()
    next: tuple[NextWindow, ...] = ()
    windows: WindowCount | None = None
    """None where none was due."""

    @property
    def kind(self) -> str:
        """`final` once the period is over; before that the day of the report, since each says more."""
        return "final" if self.complete else f"interim-{self.evidence.generated:%Y-%m-%d}"

    @property
    def open(self) -> tuple[Undone, ...]:
        """What is not solved."""
        return tuple(point for point in self.undone if point.open)

    def label(self, site: str) -> str:
        """What the client calls a site."""
        return next((line.label for line in self.sites if line.name == site), site)

    def as_json(self) -> dict[str, object]:
        """The document of `report --json`: instants in UTC, sections absent where nothing feeds them."""
        document: dict[str, object] = {
            "client": self.client,
            "client_name": self.client_name,
            "period": self.period.key,
            "first": self.period.first.isoformat(),
            "last": self.period.last.isoformat(),
            "complete": self.complete,
            "timezone": self.timezone,
            "language": self.language,
            "status": self.status.value,
            "sites": [_site(line) for line in self.sites],
        }
        sections: dict[str, object] = {
            "cards": {name: {"value": card.value, "of": card.of} for name, card in self.cards.items()},
            "done": [_done(change) for change in self.done],
            "undone": [_undone(point) for point in self.undone],
            "auto_updates": [_auto(line) for line in self.auto_updates],
            "backups": [_backup(line) for line in self.backups],
            "windows": {"due": self.windows.due, "missed": self.windows.missed} if self.windows else None,
            "next": [_next(window) for window in self.next],
            "evidence": _evidence(self.evidence),
        }
        return document | {name: section for name, section in sections.items() if section}


def _site(line: SiteLine) -> dict[str, object]:
    return {"site": line.name, "url": line.url, "state": line.state.value, "last": _instant(line.last)}


def _done(change: Done) -> dict[str, object]:
    return {
        "site": change.site,
        "item": change.item,
        "kind": change.kind.value,
        "title": change.title,
        "from": change.from_version,
        "to": change.to_version,
        "at": _instant(change.at),
        "run": change.run,
        "attempts": change.attempts,
        "why": change.why,
        "parts": _parts(change),
    }


def _undone(point: Undone) -> dict[str, object]:
    return {
        "about": point.about.value,
        "outcome": point.outcome.value,
        "site": point.site or None,
        "item": point.item or None,
        "kind": point.kind.value if point.kind else None,
        "title": point.title,
        "from": point.from_version,
        "to": point.to_version,
        "at": [_instant(at) for at in point.at],
        "why": point.why,
        "parts": _parts(point),
        "waiting": point.waiting,
        "uncertain": point.uncertain,
        "by_itself": point.by_itself,
        "slowdown": _slowdown(point.slowdown),
        "open": point.open,
        "solved": _instant(point.solved),
    }


def _slowdown(found: Slowdown | None) -> dict[str, object] | None:
    return None if found is None else {"page": found.page, "before": found.before, "after": found.after}


def _parts(found: Done | Undone) -> list[dict[str, str]]:
    return [{"item": p.item, "from": p.from_version, "to": p.to_version} for p in found.parts]


def _auto(line: AutoLine) -> dict[str, object]:
    return {
        "site": line.site,
        "item": line.item,
        "kind": line.kind.value,
        "state": line.state,
        "why": line.why,
    }


def _backup(line: BackupLine) -> dict[str, object]:
    return {
        "site": line.site,
        "taken": line.taken,
        "expected": line.expected,
        "newest": _instant(line.newest),
        "bytes": line.newest_bytes,
        "verified": _instant(line.verified),
    }


def _next(window: NextWindow) -> dict[str, object]:
    return {
        "window": window.window,
        "starts": _instant(window.starts),
        "closes": _instant(window.closes),
        "sites": list(window.sites),
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "report": evidence.report,
        "days": {"with_data": evidence.days_with_data, "of": evidence.days},
        "runs": list(evidence.runs),
        "generated": _instant(evidence.generated),
        "answer_to": evidence.answer_to,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
