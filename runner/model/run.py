"""The order and the events of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runner.model.estimate import Estimate
from runner.model.inventory import Client, ClosedPeriod, Host, Site
from runner.model.plan import SitePlan
from runner.model.playbook import Playbook
from runner.model.policy import Policy
from runner.model.secret import SecretRef
from runner.model.settings import Limits, Parallel

__all__ = ["Order", "RunEvent", "Trigger", "UndoOrder"]


class Trigger(StrEnum):
    """What started a run."""

    MANUAL = "manual"
    WINDOW = "window"
    EXEC = "exec"
    """`sitecrew exec`: no maintenance, so reports, `@failed` and `resume` without RUN leave it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOrder:
    """What to restore from an earlier run."""

    run: str
    """The earlier run."""
    database: bool = False
    """Restore the database too, even if newer data is lost."""
    force: bool = False
    """Also restore items whose version has changed since that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run does, frozen when it starts: later edits of the files do not change it."""

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
    """By site, the locked plan to apply, and nothing else. Sites without one are planned when they start."""
    no_majors: bool = False
    """Skip major updates of sites without a locked plan: they were not approved."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """By site, why it is not started: its plan was not approved, or no longer applies."""
    tags: tuple[str, ...] = ()
    """Run only steps with one of these tags; empty for all."""
    variables: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """Variables for shell steps from the command line, as references and digests of values."""
    window: str | None = None
    closes: datetime | None = None
    """When the window closes, in UTC. What cannot end before it is not started."""
    opens: datetime | None = None
    """When the window opened for the client, after its jitter."""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """By site, how long it takes. Empty without a window, and in runs of earlier versions."""
    blackouts: tuple[ClosedPeriod, ...] = ()
    """Periods in which no site is started: in the client's time zone, and in the window's."""
    timezone: str | None = None
    """IANA name of the window's own time zone, if it has one."""
    undo: UndoOrder | None = None
    """Set if the run undoes an earlier run; its steps are those of that run in reverse order."""
    secret_folder: str = ""
    """Unguessable name of the folder of restore points, and part of their names."""
    public: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By host, the folders of all its sites in the inventory; restore points are never kept in these."""

    @property
    def restore_folder(self) -> str:
        """The folder of the run's restore points; runs of earlier versions use the run id."""
        return self.secret_folder or self.run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """An event of a run, as printed by `run --json` and shown in the live progress."""

    event: str
    """Like `run.started`, `site.started`, `step.finished`, `run.finished`."""
    at: datetime
    run: str
    site: str | None = None
    step: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
