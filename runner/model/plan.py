"""What would be done, item by item, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from runner.model.facts import SiteFacts

__all__ = ["Action", "Change", "ItemKind", "Plan", "SitePlan"]


class ItemKind(StrEnum):
    """What can change on a site or its host."""

    CORE = "core"
    PLUGIN = "plugin"
    THEME = "theme"
    DATABASE = "database"
    LANGUAGE = "language"
    PACKAGE = "package"
    RELEASE = "release"
    FILE = "file"


class Action(StrEnum):
    """What the plan says of an item."""

    CHANGE = "change"
    HOLD = "hold"
    SKIP = "skip"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item and what is to become of it. Versions are the site's own strings."""

    step: str
    """Id of the playbook's step."""
    item: str
    """Slug of the plugin or theme, `core`, `database`, or a package's name."""
    kind: ItemKind
    from_version: str
    to_version: str
    action: Action
    why: str = ""
    note: str = ""
    """What visitors will notice of it, and what WordPress does of its own accord with what is held."""
    title: str = ""
    """The item's name as people know it."""
    file: str = ""
    """What WordPress calls a plugin: its main file below plugins/."""
    package: str = ""
    """Where the new version comes from, without credentials."""
    active: bool = False
    managed: str = ""
    """Who else looks after its files, Composer or a deployment, and what to do there; else empty."""
    composer: str = ""
    """The package of Composer by which it is changed; empty where it is changed otherwise."""
    decided: bool = False
    """Version and package are wordpress.org's, asked by the controller: the site has no say in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """The changes of one site in the order of the playbook, and what is in their way."""

    site: str
    client: str
    problems: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """What to know of the plan, and is in nothing's way."""
    unreachable: bool = False
    """One of the problems is that the host could not be reached."""

    def of(self, step: str) -> tuple[Change, ...]:
        """The changes that belong to a step."""
        return tuple(change for change in self.changes if change.step == step)

    def pending(self, step: str) -> tuple[Change, ...]:
        """The changes of a step that are to be done."""
        return tuple(change for change in self.of(step) if change.action is Action.CHANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a playbook would do on each site."""

    playbook: str
    sites: tuple[SitePlan, ...]
    facts: Mapping[str, SiteFacts] = field(default_factory=dict)
    """What was read of each site that was read."""
    recognised: tuple[str, ...] = ()
    """Renames, and names that mean another website now, in sentences."""
