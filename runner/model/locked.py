"""A plan that people have looked at, to be done as it is or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runner.model.plan import SitePlan

__all__ = ["LockedPlan", "LockedSite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSite:
    """What was planned for one site, and where that site was then."""

    place: Mapping[str, str]
    """Host, address, path and url, as the inventory had them."""
    plan: SitePlan
    """Of its changes, those of action `change` are to be done; the others only tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPlan:
    """A plan as it is kept in a file."""

    playbook: str
    made: datetime
    """In UTC."""
    tags: tuple[str, ...] = ()
    start_at: str = ""
    variables: tuple[str, ...] = ()
    """Names of those that were given for shell steps; their values are not kept."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """Each step as plain values."""
    sites: Mapping[str, LockedSite] = field(default_factory=dict)
    """By name."""
