"""A segment: steps that run on the host as one detached job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from runner.apply.cancellation import AtClose
from runner.apply.jobs import (
    end_job,
    job_of_try,
    jobs_of_part,
    locked_by,
    nonce_of,
    settle_job,
    site_lock,
    span_of,
    started_job,
)
from runner.apply.results import REREAD, outcomes_of, with_facts_after
from runner.apply.retry import Try, run_with_retries
from runner.errors import LostError
from runner.execute import (
    Awaiting,
    Command,
    CommandEnded,
    CommandStarted,
    DiedError,
    Event,
    Job,
    JobRecord,
    Verdict,
)
from runner.model import OnFailure, Outcome, SecretRef, Step, StepOutcome
from runner.steps import Context, Script, registry
from runner.steps.wordpress import facts_script

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.plan import Segment
    from runner.record import SegmentView

__all__ = ["Judge", "run_segment"]

_REREAD_LIMIT = _CLEANUP_LIMIT = 120
_CHECK_LIMIT = 60
_ENDED = frozenset({"ok", "failed"})
"""Status of jobs that ran to their end; `ok` also if a step failed that does not stop the job."""


class Judge(Protocol):
    """Decides whether the changes of a waiting job are kept."""

    @property
    def wait(self) -> int:
        """Seconds of silence after which the host keeps them."""

    @property
    def undo(self) -> tuple[Command, ...]:
        """The commands that undo them."""

    @property
    def stored(self) -> str:
        """The text that is stored in the ledger, for a later attempt to judge the job."""

    def judge(self, _: Awaiting) -> Verdict:
        """Return the verdict: keep or undo."""

    def final_outcome(self, record: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """Return the outcome of the step after the job has ended."""


def run_segment(
    ctx: SiteContext,
    part: Segment,
    steps: Sequence[Step],
    *,
    prepared: object = None,
    judge: Judge | None = None,
) -> tuple[StepOutcome, ...]:
    """Start the segment's job or attach to it, follow it to its end, and record the outcome of each step.

    Args:
        ctx: the site.
        part: the segment.
        steps: its steps without a recorded outcome.
        prepared: data that the controller prepared for the step's script.
        judge: judges the one step of the segment while its job waits.

    Raises:
        LockedError: another run works on the site; nothing was started.
        LostError: how the job ended is unknown.
        UnreachableError: nothing was started.
    """
    first = _next_try(ctx, part, steps[0])
    run_once = partial(_run_once, ctx, part, steps, prepared=prepared, judge=judge)
    outcomes = run_with_retries(ctx, steps[0], run_once, first=first)
    if any(outcome.outcome is Outcome.LOST for outcome in outcomes):
        raise LostError("the job's processes on the host were killed during a step; how it ended is unknown")
    return outcomes


def _run_once(
    ctx: SiteContext,
    part: Segment,
    steps: Sequence[Step],
    number: int,
    *,
    prepared: object,
    judge: Judge | None,
) -> Try:
    started = started_job(ctx, part.number)
    job = started.job if started else job_of_try(ctx, part.number, number)
    context = replace(_context(ctx, job), prepared=prepared)
    kinds = {step.id: registry()[step.kind] for step in steps}
    scripts = {step.id: kinds[step.id].script(step, context) for step in steps}
    if not any(scripts.values()):
        return Try(tuple(kinds[step.id].idle(step, context) for step in steps), ctx.journal.steps_finished)

    names = {f"s{number}": step for number, step in enumerate(steps)}
    if started and ctx.stop.asked.is_set() and not _is_known(ctx, started, judge):
        outcomes = tuple(
            ctx.stop.explain(
                StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why=f"not started: {ctx.stop.why}")
            )
            for step in steps
        )
        return Try(outcomes, partial(settle_job, ctx, part.number, job, "absent"))
    record = _follow(ctx, part, _job(ctx, job, names, scripts, context), names, judge)
    if record.status == "locked":
        end_job(ctx, part.number, job, record.status)
        raise locked_by(ctx, record)
    outcomes = outcomes_of(names, scripts, record, with_facts_after(context, record))
    if judge:
        outcomes = tuple(judge.final_outcome(record, outcome) for outcome in outcomes)
    outcomes = tuple(ctx.journal.cleaned(ctx.stop.explain(outcome)) for outcome in outcomes)
    undo_seconds = _undo_seconds(record, judge)
    return Try(outcomes, partial(settle_job, ctx, part.number, job, record.status, undo_seconds=undo_seconds))


def _undo_seconds(record: JobRecord, judge: Judge | None) -> float | None:
    """Return how long the rollback took; None if there was none."""
    if judge is None or record.decided is None or record.decided.verdict != "undo":
        return None
    names = {command.id for command in judge.undo}
    return sum(found.seconds for name, found in record.commands.items() if name in names)


def _is_known(ctx: SiteContext, started: SegmentView, judge: Judge | None) -> bool:
    """Follow a job to its end; False if the host does not know it, so that it would be started only now."""
    try:
        verdict = judge.judge if judge else None
        with ctx.stop.controlling(AtClose.ROLL_BACK if judge else AtClose.STOP) as control:
            found = ctx.remote.attach(started.job, span=span_of(started), verdict=verdict, control=control)
    except DiedError:
        return True
    return found is not None


def _follow(
    ctx: SiteContext, part: Segment, job: Job, names: dict[str, Step], judge: Judge | None
) -> JobRecord:
    if judge:
        job = replace(job, wait=judge.wait, undo=judge.undo)
    ctx.journal.job_started(part.number, job.id, job.span(), trial=judge.stored if judge else None)
    ctx.journal.emit("segment.started", job=job.id, number=part.number)
    try:
        with ctx.stop.controlling(AtClose.ROLL_BACK if judge else AtClose.STOP) as control:
            return ctx.remote.run(
                job,
                on_event=lambda event: _emit(ctx, names, event),
                verdict=judge.judge if judge else None,
                control=control,
            )
    except DiedError as error:
        return error.record


def _next_try(ctx: SiteContext, part: Segment, step: Step) -> int:
    """Return the number of the first try: that of a job that may still be running, or the one after it."""
    earlier = next(iter(jobs_of_part(ctx, part.number)), None)
    if earlier is None:
        return 1
    known = {
        job_of_try(ctx, part.number, number, attempt=attempt): number
        for attempt in range(1, ctx.attempt + 1)
        for number in range(1, step.retries + 2)
    }
    number = known.get(earlier.job, 1)
    if earlier.state == "started":
        return number
    return min(number + 1, step.retries + 1) if earlier.status in _ENDED else 1


def _context(ctx: SiteContext, job: str) -> Context:
    return Context(
        site=ctx.site,
        host=ctx.remote.host,
        plan=ctx.plan,
        mark=nonce_of(job),
        before=ctx.facts,
        published=ctx.published,
    )


def _job(
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
            tasks.append(_host_command(ctx, name, step, script, context))
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


def _host_command(ctx: SiteContext, name: str, step: Step, script: Script, context: Context) -> Command:
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    for key, value in script.env.items():
        if isinstance(value, SecretRef):
            secret[key] = ctx.secret(value)
        else:
            plain[key] = value
    variables = ctx.variables() if step.kind == "shell" else {}
    variables = {key: value for key, value in variables.items() if key not in plain}
    limit = step.timeout or ctx.order.limits.step
    command = Command(
        name,
        script.text,
        timeout=max(1, int(limit.total_seconds())),
        policy="go" if step.on_failure is OnFailure.CONTINUE else "stop",
        env=plain,
        secret={**variables, **secret},
    )
    [command] = ctx.remote.for_site(ctx.site, [command])
    return ctx.remote.with_sudo(command, context.mark) if step.become else command


def _emit(ctx: SiteContext, names: dict[str, Step], event: Event) -> None:
    if isinstance(event, CommandStarted | CommandEnded) and event.command in names:
        step = names[event.command].id
        if isinstance(event, CommandStarted):
            ctx.journal.step_started(step)
        else:
            ctx.journal.emit("step.ended", step, status=event.code, seconds=event.seconds)
