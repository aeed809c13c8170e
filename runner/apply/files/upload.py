"""Steps that upload files to a host, which a job then puts in place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.apply.files.caches import PurgeAfter, with_purge
from runner.apply.files.deadline import StoppedError
from runner.apply.files.release import gather
from runner.apply.files.rollback import roll_back_release
from runner.apply.files.sftp import release_over_sftp
from runner.apply.files.sftp_sync import sync_over_sftp
from runner.apply.files.sync import stage
from runner.apply.files.trial import ReleaseTrial
from runner.apply.jobs import settle_job, span_of, started_job
from runner.apply.retry import Try, run_with_retries, with_try_count
from runner.apply.segment import run_segment
from runner.errors import NoShellError, SecretError, UsageError
from runner.execute import DiedError
from runner.model import Outcome, Phase, Step, StepOutcome
from runner.plan import Barrier, Segment
from runner.steps.static import ReleaseOptions
from runner.steps.static.layout import SwitchOrder
from runner.steps.sync import SyncOptions

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.segment import Judge
    from runner.execute import Awaiting, Command, JobRecord, Verdict
    from runner.record import SegmentView

__all__ = ["upload_files"]


def upload_files(ctx: SiteContext, part: Barrier) -> tuple[StepOutcome, ...]:
    """Upload, then put in place; a job that an earlier attempt started is followed instead.

    Uploading is retried; what was uploaded is put in place once.

    Raises:
        LockedError: another run works on the site.
        LostError: how the job ended is unknown.
        UnreachableError: the connection broke; what arrived is used when the run is resumed.
    """
    step = part.step
    once = replace(step, retries=0)
    segment = Segment(part.number, (once,))
    if (started := started_job(ctx, part.number)) is not None:
        release = isinstance(step.options, ReleaseOptions)
        attached = ReleaseTrial(ctx, stored=started.trial) if release else None
        if _is_known(ctx, started, attached):
            return run_segment(ctx, segment, [once], judge=attached or PurgeAfter(ctx))
    if started is not None and ctx.stop.asked.is_set():
        outcome = StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why=f"not started: {ctx.stop.why}")
        return settle_job(ctx, part.number, started.job, "absent", (outcome,))
    ctx.journal.step_started(step.id)
    upload = _Upload(ctx, step)
    outcomes = run_with_retries(ctx, step, upload.run_once)
    if outcomes:
        return outcomes
    trial: ReleaseTrial | PurgeAfter = PurgeAfter(ctx)
    if isinstance(step.options, ReleaseOptions) and isinstance(upload.prepared, SwitchOrder):
        trial = ReleaseTrial(ctx, upload.prepared, compare=bool(ctx.order.undo) or not step.options.force)
        if (held := trial.refused_unverified(step)) is not None:
            ctx.journal.step_finished(held)
            return (held,)
    judge = _Judged(ctx, trial, step, upload.number)
    ctx.journal.progress(step.id, Phase.APPLYING)
    return run_segment(ctx, segment, [once], prepared=upload.prepared, judge=judge)


class _Upload:
    """The tries of an upload."""

    def __init__(self, ctx: SiteContext, step: Step) -> None:
        self._ctx, self._step = ctx, step
        self.number = 1
        """Number of the last try."""
        self.prepared: object = None
        """Data for the job that puts the files in place; None if no job is needed."""

    def run_once(self, number: int) -> Try:
        """Upload; the outcome is empty if a job must follow."""
        self._ctx.journal.progress(self._step.id, Phase.CHECKING)
        self.number, found = number, _upload(self._ctx, self._step)
        if isinstance(found, StepOutcome):
            return Try((found,), self._record)
        self.prepared = found
        return Try((), self._record)

    def _record(self, outcomes: tuple[StepOutcome, ...]) -> tuple[StepOutcome, ...]:
        return self._ctx.journal.steps_finished(tuple(with_purge(self._ctx, outcome) for outcome in outcomes))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judge that emits the phase, and adds the number of tries of the upload to the outcome."""

    ctx: SiteContext
    judged: Judge
    step: Step
    number: int

    @property
    def wait(self) -> int:
        """As the judge's."""
        return self.judged.wait

    @property
    def undo(self) -> tuple[Command, ...]:
        """As the judge's."""
        return self.judged.undo

    @property
    def stored(self) -> str:
        """As the judge's."""
        return self.judged.stored

    def judge(self, waiting: Awaiting) -> Verdict:
        """As the judge's."""
        self.ctx.journal.progress(self.step.id, Phase.VERIFYING)
        verdict = self.judged.judge(waiting)
        if verdict == "undo":
            self.ctx.journal.progress(self.step.id, Phase.ROLLING_BACK)
        return verdict

    def final_outcome(self, record: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """As the judge's, with the number of tries unless the job failed, which is not retried."""
        final = self.judged.final_outcome(record, outcome)
        return final if final.outcome is Outcome.FAILED else with_try_count(self.step, final, self.number)


def _is_known(ctx: SiteContext, started: SegmentView, trial: ReleaseTrial | None) -> bool:
    """Follow the job to its end; False if the host does not know it."""
    verdict = trial.judge if trial else None
    try:
        record = ctx.remote.attach(started.job, span=span_of(started), verdict=verdict)
    except DiedError:
        return True
    return record is not None


def _upload(ctx: SiteContext, step: Step) -> object:
    """Upload; return what the job's script needs, or the step's outcome if no job is needed."""
    try:
        return _upload_kind(ctx, step)
    except StoppedError as error:
        return StepOutcome(step=step.id, outcome=error.outcome, why=str(error))
    except (UsageError, SecretError) as error:
        why = f"{error}; {error.hint}" if error.hint else str(error)
    return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=0.0)


def _upload_kind(ctx: SiteContext, step: Step) -> object:
    options = step.options
    if ctx.order.undo:
        return roll_back_release(ctx, step)
    try:
        if isinstance(options, ReleaseOptions):
            return gather(ctx, step, options)
        if isinstance(options, SyncOptions):
            return stage(ctx, step, options)
    except NoShellError:
        if isinstance(options, ReleaseOptions):
            return release_over_sftp(ctx, step, options)
        if isinstance(options, SyncOptions):
            return sync_over_sftp(ctx, step, options)
    raise UsageError(f"{step.kind} uploads no files")
