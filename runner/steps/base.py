"""The base class of all kinds of steps, and the values they work with.

A kind is pure: it proposes changes from facts, writes shell text and interprets its output. Policy, execution
and recording are done elsewhere.
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
    ItemKind,
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

__all__ = ["Context", "Guard", "Missing", "Needs", "Published", "Result", "Script", "StepKind", "Where"]


class Where(StrEnum):
    """Where a step runs. Only consecutive `host` steps form a segment; any other step ends it."""

    HOST = "host"
    STREAM = "stream"
    """The host sends data and the controller stores it."""
    OUTSIDE = "outside"
    """The controller requests pages of the site as a visitor does."""
    UPLOAD = "upload"
    """The controller uploads files, then a job on the host moves them into place."""
    CONTROLLER = "controller"
    """On the controller."""
    SYSTEM = "system"
    """On the host as a whole: once per run for all of its sites, while no other job of ours runs there."""


class Published(Protocol):
    """Checksums that wordpress.org publishes, requested by the controller and never taken from a site."""

    def core_sums(self, version: str, locale: str = "en_US") -> Sums:
        """Return the checksums of a version of WordPress."""

    def plugin_sums(self, slug: str, version: str) -> Sums:
        """Return the checksums of a version of a plugin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything a step can know about the site it runs on."""

    site: Site
    host: Host
    plan: SitePlan
    mark: str = ""
    """Nonce: the lines that our programs print for the controller start with it."""
    tag: str = ""
    """Id of the change's restore point, unique per site; empty if the step is not a transaction."""
    before: SiteFacts | None = None
    after: SiteFacts | None = None
    """As read at the end of the segment; None while the script is being written or if reading failed."""
    after_problem: str = ""
    """Why `after` is None."""
    published: Published | None = None
    """None if wordpress.org cannot be asked."""
    prepared: object = None
    """Data prepared before the step's job, such as the list of uploaded files."""
    usual: Mapping[str, int] = field(default_factory=dict)
    """HTTP statuses that look like errors but are normal for the site, by page: `page`, `none`, `rest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """POSIX shell text that runs on the host, in its own `sh` with stdin closed."""

    text: str
    env: Mapping[str, str | SecretRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a script: exit status, duration in seconds, output, and why it was stopped."""

    status: int
    seconds: float
    output: str
    why: str = ""
    """Empty, or `timeout`, `cancelled`, `flood`, `nospace`, `lost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How a change is rolled back, and how the host decides on its own when it cannot reach the controller.

    Guards handle files only; the transaction saves and restores the database. `sitecrew undo` may run `undo`
    days later, for all or some of the changes, with the facts of that time and the $SITECREW_RESTORE of the
    earlier run. So `undo` must find what `save` kept by `tag` and the names of the items alone.
    """

    save: Script
    """Creates the restore point below $SITECREW_RESTORE. If it fails, nothing has been changed."""
    undo: Script
    """Restores what `save` kept, with files only, because PHP may be broken. Idempotent."""
    check: Script
    """Exits with 0 if the site works, as far as the host can tell."""
    keep: Script | None = None
    """Runs after the change has been kept."""
    settle: Script | None = None
    """Runs after every change and completes what an interrupted change left half done. Idempotent."""
    tidy: str = ""
    """Shell text for the end of the job: removes temporary files. Idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a step needs before it runs. `doctor` and `plan` report what is missing."""

    folder: str = ""
    """A folder on the controller, absolute or relative to the workspace; empty for none."""
    store: bool = False
    """Whether it writes to the backup store."""
    check: str = ""
    """Shell text for the host that changes nothing; `StepKind.missing` interprets its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that a step needs and that is not there, and what to do about it."""

    why: str
    hint: str = ""


class StepKind(ABC):
    """A kind of step, such as `wordpress.plugins`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for `list steps`, the docs and the JSON Schema."""
    example: ClassVar[str] = ""
    """Steps of a playbook, as YAML."""
    reads: ClassVar[str] = ""
    """What it reads before planning. On its docs page the text follows the word *Reads*; likewise below."""
    plans: ClassVar[str] = ""
    changes: ClassVar[str] = ""
    understood: ClassVar[str] = ""
    """How its outcome is determined."""
    undone: ClassVar[str] = ""
    options: ClassVar[type]
    """Frozen dataclass of its options in a playbook."""
    where: ClassVar[Where] = Where.HOST
    sites: ClassVar[frozenset[SiteKind]] = frozenset(SiteKind)
    """Kinds of sites it applies to; on others it is skipped."""
    facts: ClassVar[bool] = False
    """Whether it needs the facts of the site to plan."""
    transacts: ClassVar[bool] = False
    """Whether its changes are made in a transaction; `guard` says how."""
    fetches: ClassVar[bool] = False
    """Whether its script first prints a line `fetched` or `refused` for each item, then makes the changes."""
    becomes: ClassVar[bool] = True
    """Whether it accepts `become: true`."""
    rereads: ClassVar[bool] = False
    """Whether the facts are read again after it, and its outcome determined from them."""
    switches: ClassVar[bool] = False
    """Whether it puts a release online that the host can switch back from later."""
    item: ClassVar[ItemKind | None] = None
    """The kind of the items it plans; None if it plans none."""

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:  # noqa: ARG002
        """Return what the step would change. Policy may turn a `change` into a `hold`."""
        return ()

    def propose_for_host(self, step: Step, facts: SystemFacts) -> tuple[Change, ...]:  # noqa: ARG002
        """Return what a step of `Where.SYSTEM` would change. The policies of sites do not apply to it."""
        return ()

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:  # noqa: ARG002
        """Return how the changes of the context's plan are rolled back; None if there is no transaction.

        `tag` is the id of the restore point, unique per site.
        """
        return None

    def place(self, step: Step) -> Where:  # noqa: ARG002
        """Return where this step runs, for kinds whose options decide it."""
        return self.where

    def ineffective(self, step: Step) -> Mapping[str, str]:
        """Return the common keys that have no effect on this step, each with what to do instead."""
        where = self.place(step)
        found = {}
        if where in {Where.OUTSIDE, Where.CONTROLLER}:
            found["become"] = "delete it; the step runs on the controller"
        if where is Where.OUTSIDE:
            found["timeout"] = "delete it; `limits.look` in sitecrew.yaml limits each page"
        return found

    def needs(self, step: Step, site: Site) -> Needs:  # noqa: ARG002
        """Return what the step needs on the controller and on the host."""
        return Needs()

    def missing(self, step: Step, site: Site, result: Result) -> Missing | None:  # noqa: ARG002
        """Return what is missing according to the result of `Needs.check`; None if nothing is."""
        return None

    def guarded(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """Return the folder on the host that the step's job locks."""
        return context.site.path

    @abstractmethod
    def script(self, step: Step, context: Context) -> Script | None:
        """Return what to run on the host; None if there is nothing to do."""

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:  # noqa: ARG002
        """Determine the outcome from the result of the script; by default from its exit status."""
        return by_status(step, result, Outcome.OK)

    def idle(self, step: Step, context: Context) -> StepOutcome:  # noqa: ARG002
        """Return the outcome if `script` returned None: nothing to do, or everything is held."""
        return StepOutcome(step=step.id, outcome=Outcome.OK)

    def cleanup(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """Return shell text that always runs at the end of the job: idempotent, quick, undoes nothing."""
        return ""


def by_status(step: Step, result: Result, good: Outcome) -> StepOutcome:
    """Return the outcome of a step whose exit status can be trusted: `good` for 0."""
    if result.why == "lost":
        return StepOutcome(
            step=step.id, outcome=Outcome.LOST, why="the host did not report how the step ended"
        )
    if result.why == "cancelled":
        return StepOutcome(
            step=step.id, outcome=Outcome.CANCELLED, seconds=result.seconds, output=result.output
        )
    reasons = {
        "timeout": f"took longer than its time limit; stopped after {result.seconds:.0f} s",
        "flood": "stopped: it printed too much output",
        "nospace": "no space left on the host",
    }
    if result.status == 0 and not result.why:
        return StepOutcome(step=step.id, outcome=good, seconds=result.seconds, output=result.output)
    why = reasons.get(result.why) or f"exit status {result.status}"
    return StepOutcome(
        step=step.id, outcome=Outcome.FAILED, why=why, seconds=result.seconds, output=result.output
    )
