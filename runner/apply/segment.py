"""A segment: steps that run on the host as one detached job."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from runner.apply.rerun import again
from runner.apply.results import REREAD, reread, understood
from runner.apply.retry import counted, job_of, next_try, paused, wanted
from runner.errors import LockedError, LostError, SitecrewError, UnknownNameError
from runner.execute import (
    Awaiting,
    DiedError,
    Event,
    Job,
    JobRecord,
    Lock,
    Restore,
    Span,
    TaskBegan,
    TaskEnded,
    Verdict,
)
from runner.execute import Task as Command
from runner.hosts.boundary import within
from runner.model import OnFailure, Outcome, SecretRef, Step, StepOutcome
from runner.shell import command
from runner.steps import Context, Script, registry
from runner.steps.wordpress import facts_script

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.plan import Segment
    from runner.record import SegmentView

__all__ = [
    "Judged",
    "ack_recorded",
    "carry_segment",
    "close_job",
    "let_forget",
    "locked_by",
    "mark_of",
    "restore_of",
    "restore_tag",
    "site_lock",
    "span_of",
]

_REREAD_LIMIT = _CLEANUP_LIMIT = 120
_CHECK_LIMIT = 60
_LOCK_SECONDS = 1800
_TAG = 24
_OLD_TAG = 12
"""Letters of a restore point's name, and in runs of before."""


class Judged(Protocol):
    """Who looks at what a job has done while it waits, and says whether it stays."""

    @property
    def wait(self) -> int:
        """Seconds of silence after which the host keeps it."""

    @property
    def undo(self) -> tuple[Command, ...]:
        """What the host does where it does not stay."""

    @property
    def remembered(self) -> str:
        """What a later attempt needs to judge the job."""

    def judge(self, _: Awaiting) -> Verdict:
        """Keep or undo."""

    def settled(self, record: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """The outcome of the step once the job has ended."""


def mark_of(job: str) -> str:
    """The word that begins our programs' lines in a job: the same whoever attaches to it."""
    return hashlib.sha256(f"mark\0{job}".encode()).hexdigest()[:32]


def span_of(segment: SegmentView) -> Span | None:
    """How long a job that is on record may take; None where an earlier version began it."""
    return Span(*segment.span) if segment.span else None


def carry_segment(
    ctx: SiteContext,
    part: Segment,
    steps: Sequence[Step],
    *,
    prepared: object = None,
    judged: Judged | None = None,
) -> tuple[StepOutcome, ...]:
    """Start or attach to the segment's job, follow it to its end, and write down what became of each step.

    `prepared` is for the script of a step that a stage before made something ready for; `judged` decides on
    the one step of the segment while its job waits.

    Raises:
        LockedError: another run works on the site; nothing was begun.
        LostError: the job's end is not known.
        UnreachableError: nothing was begun.
    """
    number = next_try(ctx, part, steps[0])
    while (outcomes := _carry_once(ctx, part, steps, number, prepared=prepared, judged=judged)) is None:
        number += 1
    return outcomes


def _carry_once(
    ctx: SiteContext,
    part: Segment,
    steps: Sequence[Step],
    number: int,
    *,
    prepared: object,
    judged: Judged | None,
) -> tuple[StepOutcome, ...] | None:
    """One try; None where another is due. Then its job is on record, and no outcome of the step."""
    journal = ctx.journal
    job = job_of(ctx, part, number)
    context = replace(_context(ctx, job), prepared=prepared)
    kinds = {step.id: registry()[step.kind] for step in steps}
    scripts = {step.id: kinds[step.id].script(step, context) for step in steps}
    if not any(scripts.values()):
        outcomes = tuple(kinds[step.id].idle(step, context) for step in steps)
        for outcome in outcomes:
            journal.step_finished(outcome)
        return outcomes

    names = {f"s{number}": step for number, step in enumerate(steps)}
    ordered = _ordered(ctx, job, names, scripts, context)
    if judged:
        ordered = replace(ordered, wait=judged.wait, undo=judged.undo)
    trial = judged.remembered if judged else None
    journal.job_started(part.number, job, ordered.span(), trial=trial)
    journal.emit("segment.started", job=job, number=part.number)
    try:
        with ctx.stop.controlling() as control:
            record = ctx.remote.run(
                ordered,
                on_event=lambda event: _tell(ctx, names, event),
                verdict=judged.judge if judged else None,
                control=control,
            )
    except DiedError as error:
        record = error.record
    context = reread(context, record)
    outcomes = () if record.status == "locked" else understood(names, scripts, record, context)
    if judged:
        outcomes = tuple(judged.settled(record, outcome) for outcome in outcomes)
    outcomes = tuple(journal.cleaned(outcome) for outcome in outcomes)
    failed = next((outcome for outcome in outcomes if wanted(ctx, steps[0], outcome, number)), None)
    outcomes = () if failed else tuple(counted(steps[0], outcome, number) for outcome in outcomes)
    close_job(ctx, part.number, job, record.status, outcomes)
    if record.status == "locked":
        raise locked_by(ctx, record)
    if failed:
        return None if paused(ctx, steps[0], failed, number) else _given_up(ctx, steps[0])
    for outcome in outcomes:
        journal.announce_outcome(outcome)
    if any(outcome.outcome is Outcome.LOST for outcome in outcomes):
        raise LostError("a step was under way when the host's process died; how it ended is not known")
    return outcomes


def site_lock(ctx: SiteContext, folder: str) -> Lock:
    """The lock of a folder on the host for this run's work on its site."""
    return Lock(site=folder, owner=f"{ctx.run}/{ctx.site.name}", seconds=_LOCK_SECONDS)


def restore_of(ctx: SiteContext) -> Restore:
    """Where the restore points of this site in this run are, on its host."""
    order = ctx.order
    return Restore(order.restore_folder, ctx.site.name, tuple(order.public.get(ctx.site.host, ())))


def restore_tag(ctx: SiteContext, job: str) -> str:
    """The name of a job's restore point: the same each time, and guessed by nobody who knows the run."""
    secret = ctx.order.secret_folder
    return hashlib.sha256(f"{secret}\0{job}".encode()).hexdigest()[:_TAG] if secret else job[:_OLD_TAG]


def close_job(
    ctx: SiteContext, number: int, job: str, status: str, outcomes: Sequence[StepOutcome] = ()
) -> None:
    """Write down how a job ended, and what became of its steps; then the host may forget it."""
    ctx.journal.job_ended(number, job, status, outcomes)
    let_forget(ctx, number, job)


def ack_recorded(ctx: SiteContext) -> None:
    """Let the host forget the jobs whose end an earlier attempt wrote down and then died."""
    for segment in ctx.journal.jobs():
        if segment.state == "ended":
            let_forget(ctx, segment.number, segment.job)


def let_forget(ctx: SiteContext, number: int, job: str) -> None:
    """What came of the job is on record, so a link that breaks now is no trouble of the site's."""
    if isinstance(within(partial(ctx.remote.acknowledge, job)), SitecrewError):
        return  # what is left there is collected some day
    ctx.journal.job_acknowledged(number)


def _given_up(ctx: SiteContext, step: Step) -> tuple[StepOutcome, ...]:
    why = "the run was cancelled between two tries"
    outcome = StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why=why)
    ctx.journal.step_finished(outcome)
    return (outcome,)


def _context(ctx: SiteContext, job: str) -> Context:
    return Context(
        site=ctx.site,
        host=ctx.remote.host,
        plan=ctx.plan,
        mark=mark_of(job),
        before=ctx.facts,
        published=ctx.published,
    )


def _ordered(
    ctx: SiteContext,
    job: str,
    names: dict[str, Step],
    scripts: dict[str, Script | None],
    context: Context,
) -> Job:
    kinds = registry()
    tasks = []
    for name, step in names.items():
        script = scripts[step.id]
        if script is not None:
            tasks.append(_host_task(ctx, name, step, script, context))
    if any(kinds[step.kind].rereads and scripts[step.id] for step in names.values()):
        facts = facts_script(ctx.site, context.host, context.mark, check_updates=False)
        limit = ctx.remote.limit(_REREAD_LIMIT)
        reread = Command(REREAD, facts.text, timeout=limit, policy="always")
        tasks += ctx.remote.for_site(ctx.site, [reread])
    first = next(iter(names.values()))
    cleanups = dict.fromkeys(kinds[step.kind].cleanup(step, context) for step in names.values())
    return Job(
        job,
        tuple(tasks),
        cleanup="\n".join(text for text in cleanups if text),
        cleanup_limit=ctx.remote.limit(_CLEANUP_LIMIT),
        check_limit=ctx.remote.limit(_CHECK_LIMIT),
        lock=site_lock(ctx, kinds[first.kind].guarded(first, context)),
    )


def _host_task(ctx: SiteContext, name: str, step: Step, script: Script, context: Context) -> Command:
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    for key, value in script.env.items():
        if isinstance(value, SecretRef):
            secret[key] = ctx.secret(value)
        else:
            plain[key] = value
    given = ctx.variables() if step.kind == "shell" else {}
    given = {key: value for key, value in given.items() if key not in plain}
    limit = step.timeout or ctx.order.limits.step
    made = Command(
        name,
        script.text,
        timeout=max(1, int(limit.total_seconds())),
        policy="go" if step.on_failure is OnFailure.CONTINUE else "stop",
        env=plain,
        secret={**given, **secret},
    )
    [made] = ctx.remote.for_site(ctx.site, [made])
    return ctx.remote.with_sudo(made, context.mark) if step.become else made


def _tell(ctx: SiteContext, names: dict[str, Step], event: Event) -> None:
    if isinstance(event, TaskBegan | TaskEnded) and event.task in names:
        step = names[event.task].id
        if isinstance(event, TaskBegan):
            ctx.journal.emit("step.started", step)
        else:
            ctx.journal.emit("step.ended", step, status=event.code, seconds=event.seconds)


def locked_by(ctx: SiteContext, record: JobRecord) -> LockedError:
    """Who has the site: a run of this crew may have ended without knowing how its job did."""
    owner = record.lock.owner.partition("/")[0] if record.lock else ""
    repeated = again(ctx.order, ctx.site.name)
    try:
        rows = ctx.journal.ledger.site_rows(owner) if owner else ()
        interrupted = bool(owner) and ctx.journal.ledger.summary(owner).interrupted is not None
    except UnknownNameError:
        rows, interrupted = (), False
    if interrupted and owner != ctx.run:
        message = f"run {owner} was interrupted, and its job may still run on this site"
        return LockedError(message, hint=f"resume it: {command('resume', owner)}; then: {repeated}")
    if any(row.site == ctx.site.name and row.outcome is Outcome.LOST for row in rows):
        message = f"how run {owner} ended on this site is not known"
        return LockedError(message, hint=f"find out: {command('resume', owner)}; then: {repeated}")
    holder = f"run {owner}" if owner else "another run"
    return LockedError(f"{holder} works on this site", hint=f"wait for it to end, then: {repeated}")
