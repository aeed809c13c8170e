"""The update policy: what is applied now, delayed or held, and what may be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

__all__ = [
    "Approve",
    "Hold",
    "Level",
    "Policy",
    "Rule",
    "Slower",
    "UndoDatabase",
    "Unverified",
    "UpdateRules",
    "Updates",
]


class Level(StrEnum):
    """The level of an update: which part of the version changes."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule for one level: hold, or apply once `after` has passed since the version was first seen."""

    hold: bool = False
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRules:
    """Rules by level; None leaves the decision to the wider scope."""

    major: Rule | None = None
    minor: Rule | None = None
    patch: Rule | None = None
    security: Rule | None = None

    def of(self, level: Level) -> Rule | None:
        """Return the rule for a level."""
        return {Level.MAJOR: self.major, Level.MINOR: self.minor, Level.PATCH: self.patch}[level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """`updates` of the policy, a client or a site."""

    all: UpdateRules = field(default_factory=UpdateRules)
    items: Mapping[str, UpdateRules] = field(default_factory=dict)
    """Rules for single items by slug; `core` is WordPress itself."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on an item, to the end of the day `until`, or until it is lifted."""

    why: str = ""
    until: date | None = None


class UndoDatabase(StrEnum):
    """When the database is restored along with the files."""

    NEVER = "never"
    ASK = "ask"
    WHEN_NOTHING_LOST = "when-nothing-lost"
    ALWAYS = "always"


class Unverified(StrEnum):
    """What to do with changes that no health check can verify."""

    KEEP = "keep"
    """Apply, and report as unverified."""
    ASK = "ask"
    """Hold until requested with `run --unverified`."""
    SKIP = "skip"
    """Do not apply."""


class Slower(StrEnum):
    """What to do with a change that makes the site clearly slower."""

    TELL = "tell"
    ROLL_BACK = "roll-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Which sites of a window wait for approval of their plan; by default none."""

    sites: tuple[str, ...] = ()
    """Selectors; empty for no sites."""
    majors: bool = False
    """Sites whose plan has a major update."""

    def __bool__(self) -> bool:
        return self.majors or bool(self.sites)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`policy` of sitecrew.yaml."""

    updates: Updates = field(default_factory=Updates)
    hold: Mapping[str, Hold] = field(default_factory=dict)
    security: Mapping[str, str] = field(default_factory=dict)
    """By item, the version that fixes a known vulnerability."""
    insecure_packages: frozenset[str] = frozenset()
    """Slugs of items whose packages may be downloaded over plain http."""
    vendors: frozenset[str] = frozenset()
    """Download hosts to trust although wordpress.org publishes another version of the item."""
    undo_database: UndoDatabase = UndoDatabase.WHEN_NOTHING_LOST
    unverified: Unverified | None = None
    """None: `ask` for major versions, `keep` for all others."""
    slower: Slower = Slower.TELL
    ring_failures: float = 0.1
    """Share of failed sites in a ring (0 to 1) above which the next ring is not started."""
    ring_soak: timedelta = timedelta(0)
    """Wait between the end of a ring and the next."""
    ring_order: tuple[str, ...] = ()
    """Selectors of the rings for runs and windows without their own; empty for one ring of all sites."""
    announce: timedelta = timedelta(0)
    """How long before its start a window is announced to clients; zero: never."""
    approve: Approve = field(default_factory=Approve)
    """For windows without their own."""
