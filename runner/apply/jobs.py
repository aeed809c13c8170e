"""The jobs of a site in a run: numbers, ids, jobs of earlier attempts, recording the end of a job."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from runner.apply.rerun import rerun_command
from runner.errors import LockedError, SitecrewError, UnknownNameError
from runner.execute import JobRecord, Lock, Restore, Span, job_id
from runner.hosts.boundary import within
from runner.model import Outcome, StepOutcome
from runner.shell import command

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.record import SegmentView

__all__ = [
    "acknowledge",
    "acknowledge_recorded",
    "database_number",
    "end_job",
    "job_of_try",
    "jobs_of_part",
    "locked_by",
    "nonce_of",
    "part_of",
    "restore_point_id",
    "restore_points",
    "settle_job",
    "site_lock",
    "span_of",
    "started_job",
    "trial_number",
]

_TRIALS = 1000
"""The number of a trial's job is the number of its part times this, plus the number of the trial."""
_DATABASE = 300
"""The number of a job that restores more of the database is its trial's plus a multiple of this."""
_LOCK_SECONDS = 1800
_ID = 24
_OLD_ID = 12
"""Length of a restore point's id, now and in runs of earlier versions."""


def trial_number(part: int, trial: int) -> int:
    """Return the number of the job of a trial of a part."""
    return part * _TRIALS + trial


def database_number(trial: int, count: int) -> int:
    """Return the number of a job that restores more of the database after a trial's job."""
    return trial + count * _DATABASE


def part_of(number: int) -> frozenset[int]:
    """Return the parts that a job with this number may belong to, as the only job or as one of a trial."""
    return frozenset({number, number // _TRIALS})


def jobs_of_part(ctx: SiteContext, part: int, *, trials: bool = False) -> tuple[SegmentView, ...]:
    """Return the jobs of a part that earlier attempts started; with `trials`, the jobs of its trials."""
    if ctx.attempt == 1:
        return ()
    return tuple(
        job for job in ctx.journal.jobs() if (job.number // _TRIALS if trials else job.number) == part
    )


def started_job(ctx: SiteContext, part: int) -> SegmentView | None:
    """Return the part's job that an earlier attempt started and whose end is not recorded."""
    return next((job for job in jobs_of_part(ctx, part) if job.state == "started"), None)


def job_of_try(ctx: SiteContext, part: int, number: int, *, attempt: int | None = None) -> str:
    """Return the id of the job of a try (counted from 1), by default of this attempt."""
    which = f"{part}.{attempt or ctx.attempt}" + (f".{number}" if number > 1 else "")
    return job_id(ctx.run, ctx.site.name, which)


def nonce_of(job: str) -> str:
    """Return the word that starts each line of our programs in a job; it is the same in each attempt."""
    return hashlib.sha256(f"mark\0{job}".encode()).hexdigest()[:32]


def span_of(job: SegmentView) -> Span | None:
    """Return how long a job may take; None if it was started by an earlier version of Sitecrew."""
    return Span(*job.span) if job.span else None


def site_lock(ctx: SiteContext, folder: str) -> Lock:
    """Return the lock on a folder of the host for this run's work on its site."""
    return Lock(site=folder, owner=f"{ctx.run}/{ctx.site.name}", seconds=_LOCK_SECONDS)


def restore_points(ctx: SiteContext) -> Restore:
    """Return where the restore points of this site and run are on the host."""
    order = ctx.order
    return Restore(order.restore_folder, ctx.site.name, tuple(order.public.get(ctx.site.host, ())))


def restore_point_id(ctx: SiteContext, job: str) -> str:
    """Return the id of a job's restore point, which cannot be derived from the run's name."""
    secret = ctx.order.secret_folder
    return hashlib.sha256(f"{secret}\0{job}".encode()).hexdigest()[:_ID] if secret else job[:_OLD_ID]


def end_job(
    ctx: SiteContext,
    number: int,
    job: str,
    status: str,
    outcomes: Sequence[StepOutcome] = (),
    *,
    undo_seconds: float | None = None,
) -> None:
    """Record how a job ended and the outcomes of its steps; then let the host forget it.

    `undo_seconds` is the time that a rollback took; None if nothing was rolled back.
    """
    ctx.journal.job_ended(number, job, status, outcomes, undo_seconds=undo_seconds)
    acknowledge(ctx, number, job)


def settle_job(
    ctx: SiteContext,
    number: int,
    job: str,
    status: str,
    outcomes: tuple[StepOutcome, ...],
    *,
    undo_seconds: float | None = None,
) -> tuple[StepOutcome, ...]:
    """Record how a job ended with the outcomes of its steps, emit these, and return them."""
    end_job(ctx, number, job, status, outcomes, undo_seconds=undo_seconds)
    for outcome in outcomes:
        ctx.journal.announce_outcome(outcome)
    return outcomes


def acknowledge_recorded(ctx: SiteContext) -> None:
    """Let the host forget jobs whose end was recorded, but not acknowledged, by an earlier attempt."""
    for job in ctx.journal.jobs():
        if job.state == "ended":
            acknowledge(ctx, job.number, job.job)


def acknowledge(ctx: SiteContext, number: int, job: str) -> None:
    """Let the host forget a job whose end is recorded. Errors are ignored."""
    if isinstance(within(partial(ctx.remote.acknowledge, job)), SitecrewError):
        return  # the host deletes it with its next garbage collection
    ctx.journal.job_acknowledged(number)


def locked_by(ctx: SiteContext, record: JobRecord) -> LockedError:
    """Return the error that names the run that holds the site's lock, with a hint."""
    owner = record.lock.owner.partition("/")[0] if record.lock else ""
    ledger, repeated = ctx.journal.ledger, rerun_command(ctx.order, ctx.site.name)
    try:
        rows = ledger.sites.list(owner) if owner else ()
        interrupted = bool(owner) and ledger.runs.summary(owner).interrupted is not None
    except UnknownNameError:
        rows, interrupted = (), False
    resume = command("resume", owner)
    if interrupted and owner != ctx.run:
        message = f"run {owner} was interrupted, and its job may still be running on this site"
        return LockedError(message, hint=f"resume it: {resume}; then: {repeated}")
    if any(row.site == ctx.site.name and row.outcome is Outcome.LOST for row in rows):
        message = f"how run {owner} ended on this site is unknown"
        return LockedError(message, hint=f"find out: {resume}; then: {repeated}")
    holder = f"run {owner}" if owner else "another run"
    return LockedError(f"{holder} is working on this site", hint=f"wait for it to end, then: {repeated}")
