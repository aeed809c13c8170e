"""The planned changes, item by item."""

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
    """What the plan does with an item."""

    CHANGE = "change"
    HOLD = "hold"
    SKIP = "skip"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item and its planned change. Versions are written as on the site."""

    step: str
    """Id of the playbook's step."""
    item: str
    """Slug of a plugin or theme, `core`, `database`, or the name of a package."""
    kind: ItemKind
    from_version: str
    to_version: str
    action: Action
    why: str = ""
    note: str = ""
    """What visitors will notice, and whether WordPress itself will update what is held."""
    title: str = ""
    """The item's display name."""
    file: str = ""
    """A plugin's main file below plugins/, by which WordPress identifies it."""
    package: str = ""
    """Download URL of the new version, without credentials."""
    active: bool = False
    managed: str = ""
    """If Composer or a deployment manages its files, what to do there; else empty."""
    composer: str = ""
    """The Composer package by which it is updated; empty if it is updated otherwise."""
    decided: bool = False
    """Version and package come from wordpress.org, asked by the controller, not from the site."""
    security: bool = False
    """The update fixes a known vulnerability, or counts as a security fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """The changes of one site in the order of the playbook, and the problems that prevent them."""

    site: str
    client: str
    problems: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """Notes about the plan that prevent nothing."""
    unreachable: bool = False
    """One of the problems is that the host could not be reached."""

    def of(self, step: str) -> tuple[Change, ...]:
        """Return the changes of a step."""
        return tuple(change for change in self.changes if change.step == step)

    def pending(self, step: str) -> tuple[Change, ...]:
        """Return the changes of a step that are to be applied."""
        return tuple(change for change in self.of(step) if change.action is Action.CHANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a playbook would change on each site."""

    playbook: str
    sites: tuple[SitePlan, ...]
    facts: Mapping[str, SiteFacts] = field(default_factory=dict)
    """The facts of the sites that were read."""
    recognised: tuple[str, ...] = ()
    """Renamed sites, and names that now mean a different website, a sentence each."""
