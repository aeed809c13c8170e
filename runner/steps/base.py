"""What a kind of step is: how it plans, what it runs, how its output is understood.

A kind is pure. It proposes changes from facts, writes shell text, and reads what came back; rooms above it
decide (policy), carry (driver) and record. Kinds are found in the registry by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from runner.model import (
    Change,
    Host,
    Outcome,
    SecretRef,
    Site,
    SiteFacts,
    SiteKind,
    SitePlan,
    Step,
    StepOutcome,
    Sums,
    SystemFacts,
)

__all__ = ["Context", "Guard", "Published", "Result", "Script", "StepKind", "Where"]


class Where(StrEnum):
    """Where a step runs. Only `host` steps share a segment; the others end it."""

    HOST = "host"
    STREAM = "stream"
    """The host sends, the controller stores."""
    OUTSIDE = "outside"
    """The controller looks at the site as a visitor does."""
    UPLOAD = "upload"
    """The controller sends, then a job on the host puts what was sent in its place."""
    CONTROLLER = "controller"
    """Runs here."""
    SYSTEM = "system"
    """On the host as a whole: once a run for all of its sites, while nothing else of ours works there."""


class Published(Protocol):
    """What wordpress.org publishes, asked by the controller: steps judge by it, never by what a site says."""

    def core_sums(self, version: str, locale: str = "en_US") -> Sums:
        """The checksums of a version of WordPress."""

    def plugin_sums(self, slug: str, version: str) -> Sums:
        """The checksums of a version of a plugin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a step may know about the site that it works on."""

    site: Site
    host: Host
    plan: SitePlan
    mark: str = ""
    """Random word that begins each line which a program of ours prints for us."""
    tag: str = ""
    """Names the restore point of the change among those of the site; empty where it is no transaction."""
    before: SiteFacts | None = None
    after: SiteFacts | None = None
    """As re-read at the end of the segment; None while the script is written, or when that failed."""
    after_problem: str = ""
    """Why there is no `after`."""
    published: Published | None = None
    """None where nothing can be asked of wordpress.org."""
    prepared: object = None
    """What a stage made ready for the step's script, such as files that were sent."""
    usual: Mapping[str, int] = field(default_factory=dict)
    """Statuses of pages that look unhealthy and are as they are meant to be: `page`, `none`, `rest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """POSIX shell text for the host, in an `sh` of its own with stdin closed."""

    text: str
    env: Mapping[str, str | SecretRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came back from a script: exit status, seconds, output, and why it was cut short, if it was."""

    status: int
    seconds: float
    output: str
    why: str = ""
    """Empty, or `timeout`, `cancelled`, `flood`, `nospace`, `lost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How a change is taken back, and how the host decides by itself when nobody else can.

    Files only: the transaction itself keeps and puts back the database. `sitecrew undo` runs `undo` days
    later, for all or some of the changes, from the facts of that time and with that run's $SITECREW_RESTORE:
    what `save` keeps must be found by `tag` and the items' own names.
    """

    save: Script
    """Makes the restore point below $SITECREW_RESTORE; nothing has changed when it fails."""
    undo: Script
    """Puts back what `save` kept, with files only, while PHP may be dead. Idempotent."""
    check: Script
    """Exit status 0 where the site works as far as the host can tell."""
    keep: Script | None = None
    """After the change was kept."""
    settle: Script | None = None
    """Makes whole what a change that was cut has left half done; runs behind every change. Idempotent."""
    tidy: str = ""
    """Shell text for the end of the job: removes what is temporary. Idempotent."""


class StepKind(ABC):
    """One word of the vocabulary."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for `list steps`, the docs and the JSON Schema."""
    example: ClassVar[str] = ""
    """Steps of a playbook that show it, as YAML."""
    reads: ClassVar[str] = ""
    """For its page, with the four below: what goes on after the word *Reads*. What it looks at before."""
    plans: ClassVar[str] = ""
    changes: ClassVar[str] = ""
    understood: ClassVar[str] = ""
    """By what its outcome is known."""
    undone: ClassVar[str] = ""
    options: ClassVar[type]
    """Frozen dataclass of what may stand below the kind in a playbook."""
    where: ClassVar[Where] = Where.HOST
    sites: ClassVar[frozenset[SiteKind]] = frozenset(SiteKind)
    """Kinds of sites that it applies to; on others it is skipped."""
    facts: ClassVar[bool] = False
    """Needs the facts of the site to plan."""
    transacts: ClassVar[bool] = False
    """Its changes are tried, looked at, and kept or taken back; `guard` says how."""
    becomes: ClassVar[bool] = True
    """Whether `become: true` may stand beside it."""
    rereads: ClassVar[bool] = False
    """The site is read again after it, and that reading decides its outcome."""

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:  # noqa: ARG002
        """What the step would change. Policy may turn a `change` into a `hold`."""
        return ()

    def propose_for_host(self, step: Step, facts: SystemFacts) -> tuple[Change, ...]:  # noqa: ARG002
        """What a step of `Where.SYSTEM` would change; policies of sites do not apply to it."""
        return ()

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:  # noqa: ARG002
        """How the changes in the context's plan are taken back; None for what is no transaction.

        `tag` names the restore point among those of the site.
        """
        return None

    def place(self, step: Step) -> Where:  # noqa: ARG002
        """Where this step runs; for kinds whose options decide."""
        return self.where

    def ineffective(self, step: Step) -> Mapping[str, str]:
        """The common keys that have no effect on this step, each with what to do instead."""
        where = self.place(step)
        found = {}
        if where in {Where.OUTSIDE, Where.CONTROLLER}:
            found["become"] = "delete it; the step runs on the controller"
        if where is Where.OUTSIDE:
            found["timeout"] = "delete it; `limits.look` in sitecrew.yaml limits each page"
        return found

    def guarded(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """The folder on the host whose lock the step's job holds."""
        return context.site.path

    @abstractmethod
    def script(self, step: Step, context: Context) -> Script | None:
        """What to run on the host; None where there is nothing to do."""

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:  # noqa: ARG002
        """What the result means. The default goes by the exit status."""
        return by_status(step, result, Outcome.OK)

    def idle(self, step: Step, context: Context) -> StepOutcome:  # noqa: ARG002
        """The outcome where `script` gave None: nothing was to be done, or everything is held."""
        return StepOutcome(step=step.id, outcome=Outcome.OK)

    def cleanup(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """Shell text for the end of the job, however it ends: idempotent, quick, and undoes nothing."""
        return ""


def by_status(step: Step, result: Result, good: Outcome) -> StepOutcome:
    """The outcome of a step whose exit status can be believed."""
    if result.why == "lost":
        return StepOutcome(step=step.id, outcome=Outcome.LOST, why="the host did not say how it ended")
    if result.why == "cancelled":
        return StepOutcome(
            step=step.id, outcome=Outcome.CANCELLED, seconds=result.seconds, output=result.output
        )
    reasons = {
        "timeout": f"took longer than its time limit; stopped after {result.seconds:.0f} s",
        "flood": "printed without end and was stopped",
        "nospace": "no space left on the host",
    }
    if result.status == 0 and not result.why:
        return StepOutcome(step=step.id, outcome=good, seconds=result.seconds, output=result.output)
    why = reasons.get(result.why) or f"exit status {result.status}"
    return StepOutcome(
        step=step.id, outcome=Outcome.FAILED, why=why, seconds=result.seconds, output=result.output
    )
