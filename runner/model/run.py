"""A run: what was ordered, what happens in it, how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.model.inventory import Client, DateRange, Host, Site
from runner.model.plan import SitePlan
from runner.model.playbook import Playbook
from runner.model.policy import Policy
from runner.model.secret import SecretRef
from runner.model.settings import Limits, Parallel

__all__ = ["Order", "RunEvent", "UndoOrder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOrder:
    """What of an earlier run is to be put back."""

    run: str
    """The earlier run."""
    database: bool = False
    """The database too, whatever is lost."""
    force: bool = False
    """Also items that have another version by now than that run installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run was told to do, frozen when it begins: later edits of the files do not change it."""

    run: str
    playbook: Playbook
    sites: tuple[Site, ...]
    """In ring order."""
    rings: tuple[tuple[str, ...], ...]
    """Names of the sites, ring by ring."""
    hosts: Mapping[str, Host]
    clients: Mapping[str, Client]
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    parallel: Parallel = field(default_factory=Parallel)
    locked: Mapping[str, SitePlan] | None = None
    """By site, what was planned beforehand: this and nothing else is done. None where nothing was locked."""
    tags: tuple[str, ...] = ()
    """Only steps with one of these; empty means all."""
    variables: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """Environment of shell steps, as given on the command line: references, and digests of values."""
    window: str | None = None
    closes: datetime | None = None
    """When the window ends, in UTC; no site is begun later."""
    blackouts: tuple[DateRange, ...] = ()
    """Days on which no site is started: in the client's time zone, and in the window's."""
    timezone: str | None = None
    """IANA name of the window's own zone; None where it has none."""
    undo: UndoOrder | None = None
    """The run puts back another; its steps are that run's, the last one first."""
    secret_folder: str = ""
    """A name that nobody can guess: of the folder of restore points, and part of their own names."""
    public: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By host, the folders of all of its sites in the inventory: restore points lie in none of them."""

    @property
    def restore_folder(self) -> str:
        """The folder of the run's restore points; runs before there were secret names have the run's."""
        return self.secret_folder or self.run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened in a run, as `run --json` and the live progress tell it."""

    event: str
    """Like `run.started`, `site.started`, `step.finished`, `run.finished`."""
    at: datetime
    run: str
    site: str | None = None
    step: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
