"""What the crew decided about updates: what runs now, what waits, what is held, what may be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

__all__ = [
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
    """How large a step between two versions is."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Rule:
    """What applies to one level: held, or done once `after` has passed since the version was first seen."""

    hold: bool = False
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRules:
    """Rules by level; None means that nothing is said here and a wider scope decides."""

    major: Rule | None = None
    minor: Rule | None = None
    patch: Rule | None = None
    security: Rule | None = None

    def of(self, level: Level) -> Rule | None:
        """The rule for a level."""
        return {Level.MAJOR: self.major, Level.MINOR: self.minor, Level.PATCH: self.patch}[level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """`updates` of the policy, of a client or of a site."""

    all: UpdateRules = field(default_factory=UpdateRules)
    items: Mapping[str, UpdateRules] = field(default_factory=dict)
    """Rules for one item, by its slug; `core` is WordPress itself."""


@dataclass(frozen=True, slots=True)
class Hold:
    """An item that is left as it is, to the end of the day `until` or until someone lifts it."""

    why: str = ""
    until: date | None = None


class UndoDatabase(StrEnum):
    """When an undo may put the database back too."""

    NEVER = "never"
    ASK = "ask"
    WHEN_NOTHING_LOST = "when-nothing-lost"
    ALWAYS = "always"


class Unverified(StrEnum):
    """What becomes of a change whose effect nobody could see."""

    KEEP = "keep"
    """Made, and said to be unverified."""
    ASK = "ask"
    """Held until somebody asks for it by `run --unverified`."""
    SKIP = "skip"
    """Not made."""


class Slower(StrEnum):
    """What becomes of a change after which the site takes clearly longer to answer."""

    TELL = "tell"
    ROLL_BACK = "roll-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`policy` of sitecrew.yaml."""

    updates: Updates = field(default_factory=Updates)
    hold: Mapping[str, Hold] = field(default_factory=dict)
    security: Mapping[str, str] = field(default_factory=dict)
    """By item, the version that closes a known hole."""
    insecure_packages: frozenset[str] = frozenset()
    """Items whose packages may come over http, by slug."""
    vendors: frozenset[str] = frozenset()
    """Hosts whose packages are taken although wordpress.org publishes another version of the item."""
    undo_database: UndoDatabase = UndoDatabase.WHEN_NOTHING_LOST
    unverified: Unverified | None = None
    """None asks for major versions, and keeps everything else."""
    slower: Slower = Slower.TELL
    ring_failures: float = 0.1
    """Share of a ring's sites (0 to 1) above which the next ring is not begun."""
    ring_soak: timedelta = timedelta(0)
    """Wait between the end of a ring and the next."""
    ring_order: tuple[str, ...] = ()
    """Selectors of the rings where a run or a window names none; empty means one ring of all."""
