"""Data of a trial: its baseline, its scripts, its result, and its record in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from runner.load import thaw, thaw_as
from runner.model import SiteFacts, Step, StepOutcome
from runner.steps import Context, Guard, Result, Script, registry
from runner.steps.wordpress.database_undo import DatabaseUndo
from runner.verify import Signals

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.steps.wordpress.errorlog import Fatal

__all__ = [
    "ChangeScripts",
    "SiteBaseline",
    "TrialRecord",
    "TrialResult",
    "first_undone_run",
    "health_before",
    "scripts_of",
]


@dataclass(frozen=True, slots=True)
class SiteBaseline:
    """A site before a change: what the trial must not make worse."""

    facts: SiteFacts
    seen: Signals
    """Results of the health check."""
    cron: bool | None = None
    """Whether WordPress starts for its cron; None before that was tried."""
    noise: frozenset[Fatal] | None = None
    """Errors that were logged before the first change; None if the logs were not read yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """How a trial ended."""

    kept: bool
    healthy: bool
    """Whether the site is as healthy as it was before."""
    why: str = ""
    """Why the changes were rolled back; empty if they were kept."""
    outcome: StepOutcome
    """The outcome of the step by its own output, before anything was rolled back."""
    state: SiteBaseline
    """The site after the trial: the baseline of the next one."""
    by: str = ""
    """Who decided, as in `Decided`; without a decision, the status of the job."""
    looks: int = 0
    """Number of health checks from outside."""
    unverified: str = ""
    """Why no health check could verify the changes that were kept; empty if one could."""
    slower: str = ""
    """Which page is clearly slower with the changes that were kept; empty for none."""
    database: DatabaseUndo = field(default_factory=DatabaseUndo)
    """The part of the database that was copied and restored."""
    reread: SiteFacts | None = None
    """The site as it was read after a rollback."""
    unkept: str = ""
    """Why a command after the changes were kept failed, such as a commit."""
    unpurged: str = ""
    """Which caches could not be cleared after changes that were kept."""


@dataclass(frozen=True, slots=True)
class ChangeScripts:
    """The scripts of a transaction, by default those of the step's kind."""

    script: Callable[[Context], Script | None]
    guard: Callable[[Context, str], Guard | None]
    understand: Callable[[Result, Context], StepOutcome]


def scripts_of(step: Step) -> ChangeScripts:
    """Return the scripts of the step's kind."""
    kind = registry()[step.kind]
    return ChangeScripts(
        partial(kind.script, step), partial(kind.guard, step), partial(kind.understand, step)
    )


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """The part of a trial that is stored in the ledger, for a later attempt to review it."""

    tag: str
    """Id of its restore point."""
    items: tuple[str, ...]
    seen: Signals
    """Results of the health check before the changes."""


def first_undone_run(ctx: SiteContext) -> str:
    """Return the run that is undone, or the first one in a chain of undos; empty if this is no undo."""
    ledger, undo = ctx.journal.ledger, ctx.order.undo
    while undo and (before := thaw(ledger.runs.order_text(undo.run)).undo):
        undo = before
    return undo.run if undo else ""


def health_before(ctx: SiteContext, otherwise: Signals) -> Signals:
    """Return the results of the health check before the run that is undone; by default `otherwise`."""
    ledger, first = ctx.journal.ledger, first_undone_run(ctx)
    jobs = ledger.jobs.list(first, ledger.websites.name_in_run(first, ctx.site.name))
    return next((thaw_as(TrialRecord, job.trial).seen for job in jobs if job.trial), otherwise)
