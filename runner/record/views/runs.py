"""What is read about runs. Instants are aware and in UTC; None means that nothing was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from runner.model import Outcome, State

__all__ = [
    "ActView",
    "AutoUpdateView",
    "ChangeView",
    "LookView",
    "RestorePointView",
    "RunSummary",
    "RunView",
    "SegmentView",
    "SiteRow",
    "SiteView",
    "StepOutput",
    "StepView",
    "Undo",
    "rfc3339",
]


def rfc3339(at: datetime | None) -> str | None:
    """An instant as other people's scripts read it: `2026-11-24T01:00:00.000Z`."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActView:
    """Something that an operator did. `subject` and `details` are empty where they were erased."""

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
    """What an undo does to the items of an earlier run."""

    BACK = "back"
    """It takes them back to the version before."""
    AGAIN = "again"
    """It undoes an undo: they have the newer version again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """What became of one item."""

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
    """Why nobody could see whether the site is well with it."""
    uncertain: bool = False
    """Did not succeed, and was not read to be at `from_version` afterwards."""
    undo: Undo | None = None
    """The run was an undo; None for any other, and where it was not asked."""

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
class LookView:
    """One look at a site from outside; `healthy` is None when it gave no verdict."""

    run: str | None
    site: str
    at: datetime
    phase: str
    signal: str
    url: str
    healthy: bool | None
    status: int | None
    seconds: float | None
    size: int | None
    """Bytes of the body."""
    findings: tuple[object, ...]
    note: str
    seen: str | None = None
    """`seen`, `refused` or `absent`; None where it was not recorded."""

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `looks`."""
        return {
            "at": rfc3339(self.at),
            "phase": self.phase,
            "signal": self.signal,
            "url": self.url,
            "seen": self.seen,
            "healthy": self.healthy,
            "status": self.status,
            "seconds": self.seconds,
            "bytes": self.size,
            "findings": list(self.findings),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePointView:
    """What was put aside on the host before a change; `removed` once it is gone."""

    run: str
    site: str
    path: str
    created: datetime
    size: int | None
    """Bytes."""
    items: tuple[object, ...]
    removed: datetime | None

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `restore_points`."""
        return {
            "path": self.path,
            "created": rfc3339(self.created),
            "bytes": self.size,
            "items": list(self.items),
            "removed": rfc3339(self.removed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoUpdateView:
    """An automatic update of WordPress whose item is held. What `kind` and `key` mean: `AutoUpdate`."""

    id: int
    site: str
    kind: str
    key: str
    item: str
    was: str
    state: str
    """`asked` (nothing is known yet), `off`, `overruled` (the site switched it on again while held), `on`
    (switched back), `changed` (left as somebody set it since), `gone`, or `forced` (it cannot be held)."""
    why: str
    """Why the item is held."""
    forced: str
    """What asks for it all the same."""
    run: str
    since: datetime
    settled_run: str | None
    settled: datetime | None

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `auto_updates`."""
        return {
            "item": self.item,
            "kind": self.kind,
            "key": self.key,
            "state": self.state,
            "why": self.why,
            "forced": self.forced,
            "run": self.run,
            "since": rfc3339(self.since),
            "settled_run": self.settled_run,
            "settled": rfc3339(self.settled),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """Where one site of a run stands."""

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
    """One site of a run with all that happened to it."""

    row: SiteRow
    problems: tuple[str, ...]
    steps: tuple[StepView, ...]
    looks: tuple[LookView, ...]
    restore_points: tuple[RestorePointView, ...]
    auto_updates: tuple[AutoUpdateView, ...] = ()
    """WordPress's own updates that this run switched off or on again, or found that it cannot hold."""

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
    """How many of the sites ended how; those that have not ended are missing."""
    operator: str = ""
    """Who began it."""
    interrupted: datetime | None = None
    """The last sign of life of the process that worked on it, where that ended before the run did."""

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
            "sites": self.sites,
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its sites in ring order."""

    summary: RunSummary
    sites: tuple[SiteView, ...]
    acts: tuple[ActView, ...] = ()
    """Who began it, resumed it, cancelled it, oldest first."""

    def as_json(self) -> dict[str, object]:
        """The document of `show RUN --json`."""
        return self.summary.as_json() | {
            "acts": [act.as_json() for act in self.acts],
            "sites": [site.as_json() for site in self.sites],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """A job on a host: `state` is `started`, `ended` (recorded here) or `acked` (deleted there)."""

    run: str
    site: str
    number: int
    job: str
    state: str
    status: str | None
    """The job's own last word (ok, failed, undone, cancelled, died, nospace, locked); None until then."""
    recorded: datetime
    trial: str | None = None
    span: list[float] | None = None
    """The seconds of the job's `Span`; None for a job that an earlier version began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """What a step printed on the host."""

    step: str
    title: str
    outcome: Outcome | None
    why: str
    output: str
