"""A reviewed plan, which is applied exactly as saved or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runner.model.plan import SitePlan

__all__ = ["LockedPlan", "LockedSite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSite:
    """The plan of one site, and where the site was when it was planned."""

    place: Mapping[str, str]
    """Host, address, path and url from the inventory at that time."""
    plan: SitePlan
    """Its changes with action `change` are applied; the others are for information."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPlan:
    """A plan saved to a file."""

    playbook: str
    made: datetime
    """In UTC."""
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    start_at: str = ""
    variables: tuple[str, ...] = ()
    """Names of the variables given for shell steps; their values are not saved."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """Each step as plain values."""
    sites: Mapping[str, LockedSite] = field(default_factory=dict)
    """By name."""
