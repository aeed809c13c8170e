"""Runs, as they are read from the ledger and as they are created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runner.model import Outcome, State
from runner.record.views.care import WindowView
from runner.record.views.evidence import AutoUpdateView, LookView, RestorePointView
from runner.record.views.instants import rfc3339
from runner.record.views.schedules import ApprovalView

__all__ = [
    "ActView",
    "ChangeView",
    "NewRun",
    "OpenRun",
    "OrderedSite",
    "OrderedStep",
    "RunSummary",
    "RunView",
    "SiteRow",
    "SiteView",
    "StepOutput",
    "StepView",
    "Undo",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActView:
    """An operator's action. `subject` and `details` are empty once they are erased."""

    id: int
    at: datetime
    act: str
    operator: str
    login: str
    host: str
    run: str | None
    subject: str
    details: Mapping[str, object]
    hash: str

    def as_json(self) -> dict[str, object]:
        """One entry of `acts`."""
        return {
            "id": self.id,
            "at": rfc3339(self.at),
            "act": self.act,
            "operator": self.operator,
            "login": self.login,
            "host": self.host,
            "run": self.run,
            "subject": self.subject,
            "details": dict(self.details),
            "hash": self.hash,
        }


class Undo(StrEnum):
    """What an undo did to an item."""

    BACK = "back"
    """It restores the previous version."""
    AGAIN = "again"
    """It undoes an undo, which brings back the newer version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """The change of one item and its outcome."""

    run: str
    site: str
    step: str
    kind: str
    item: str
    title: str
    from_version: str
    to_version: str
    outcome: Outcome
    why: str
    finished: datetime
    unverified: str = ""
    """Why no health check could see the site after the change; empty if one could."""
    uncertain: bool = False
    """The change failed, and the site was not read to be at `from_version` afterwards."""
    undo: Undo | None = None
    """Set if the run was an undo. None for other runs, and if the query did not ask."""

    def as_json(self) -> dict[str, object]:
        """One entry of a step's `changes`."""
        return {
            "item": self.item,
            "kind": self.kind,
            "title": self.title,
            "from": self.from_version,
            "to": self.to_version,
            "outcome": self.outcome.value,
            "why": self.why,
            "unverified": self.unverified,
            "uncertain": self.uncertain,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of the playbook on one site; `outcome` is None until it is known."""

    run: str
    site: str
    step: str
    kind: str
    title: str
    outcome: Outcome | None
    why: str
    seconds: float | None
    started: datetime | None
    finished: datetime | None
    trials: int | None = None
    looks: int | None = None
    changes: tuple[ChangeView, ...] = ()

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `steps`."""
        return {
            "step": self.step,
            "kind": self.kind,
            "title": self.title,
            "outcome": self.outcome and self.outcome.value,
            "seconds": self.seconds,
            "why": self.why,
            "trials": self.trials,
            "looks": self.looks,
            "changes": [change.as_json() for change in self.changes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """The state of one site of a run."""

    run: str
    site: str
    client: str
    host: str
    ring: int
    position: int
    state: State
    outcome: Outcome | None
    why: str
    started: datetime | None
    finished: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """One site of a run with everything that happened to it."""

    row: SiteRow
    problems: tuple[str, ...]
    steps: tuple[StepView, ...]
    looks: tuple[LookView, ...]
    restore_points: tuple[RestorePointView, ...]
    auto_updates: tuple[AutoUpdateView, ...] = ()
    """WordPress's own updates that this run switched off or on, or could not hold."""

    def as_json(self) -> dict[str, object]:
        """One entry of a run's `sites`."""
        return {
            "site": self.row.site,
            "client": self.row.client,
            "host": self.row.host,
            "ring": self.row.ring,
            "state": self.row.state.value,
            "outcome": self.row.outcome and self.row.outcome.value,
            "why": self.row.why,
            "started": rfc3339(self.row.started),
            "finished": rfc3339(self.row.finished),
            "problems": list(self.problems),
            "steps": [step.as_json() for step in self.steps],
            "looks": [look.as_json() for look in self.looks],
            "restore_points": [point.as_json() for point in self.restore_points],
            "auto_updates": [auto.as_json() for auto in self.auto_updates],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in one line."""

    run: str
    playbook: str
    title: str
    trigger: str
    window: str | None
    state: State
    outcome: Outcome | None
    attempt: int
    executor: str | None
    started: datetime
    finished: datetime | None
    sites: int
    outcomes: Mapping[Outcome, int]
    """Finished sites by outcome."""
    operator: str = ""
    """Who started it."""
    interrupted: datetime | None = None
    """Last sign of life of the run's process, if that ended before the run did."""
    pruned: datetime | None = None
    """When its output, plans and facts were deleted."""

    def as_json(self) -> dict[str, object]:
        """One entry of `list runs --json`."""
        return {
            "run": self.run,
            "playbook": self.playbook,
            "title": self.title,
            "trigger": self.trigger,
            "operator": self.operator,
            "window": self.window,
            "state": self.state.value,
            "outcome": self.outcome and self.outcome.value,
            "attempt": self.attempt,
            "started": rfc3339(self.started),
            "finished": rfc3339(self.finished),
            "interrupted": rfc3339(self.interrupted),
            "pruned": rfc3339(self.pruned),
            "sites": self.sites,
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
        }


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended, and the process that executes it, or did."""

    run: str
    trigger: str
    state: State
    executor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its sites in ring order."""

    summary: RunSummary
    sites: tuple[SiteView, ...]
    acts: tuple[ActView, ...] = ()
    """Who started, resumed and cancelled it, oldest first."""

    def as_json(self) -> dict[str, object]:
        """The document of `show RUN --json`."""
        return self.summary.as_json() | {
            "acts": [act.as_json() for act in self.acts],
            "sites": [site.as_json() for site in self.sites],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """A step's output on the host."""

    step: str
    title: str
    outcome: Outcome | None
    why: str
    output: str


@dataclass(frozen=True, slots=True)
class OrderedSite:
    """A site of a new run."""

    site: str
    client: str
    host: str
    ring: int
    position: int


@dataclass(frozen=True, slots=True)
class OrderedStep:
    """A step of a new run's playbook."""

    step: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run as it is created: its sites and steps have no outcome yet."""

    order_text: str
    """The frozen order as text."""
    run: str
    playbook: str
    title: str
    sites: tuple[OrderedSite, ...]
    steps: tuple[OrderedStep, ...]
    """In the playbook's order."""
    started: datetime
    trigger: str
    """What started it, such as `manual` or `window`."""
    window: str | None = None
    """The name of the window that it runs in."""
    executor: str | None = None
    """The process that will work on it; None if any may claim it."""
    act: str = "run"
    """The operator's action: `run` or `undo`."""
    opening: WindowView | None = None
    """The opening of the window that the run is for; both are recorded, or neither."""
    approval: ApprovalView | None = None
    """The approval on which the order is based; the run is not created if it was answered since."""
    undoes: str | None = None
    """The earlier run that this one undoes."""
