"""The stage in which files go to a host: gathered beside what is online, then put in place by a job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.apply.files.caches import PurgedAfter, with_purge
from runner.apply.files.deadline import StoppedError
from runner.apply.files.release import gather
from runner.apply.files.rollback import recall
from runner.apply.files.sftp import release_over_sftp, sync_over_sftp
from runner.apply.files.sync import stage
from runner.apply.files.trial import ReleaseTrial
from runner.apply.retry import counted, paused, wanted
from runner.apply.segment import carry_segment, span_of
from runner.errors import NoShellError, SecretError, UsageError
from runner.execute import DiedError
from runner.model import Outcome, Step, StepOutcome
from runner.plan import Barrier, Segment
from runner.steps.static import ReleaseOptions
from runner.steps.static.layout import SwitchOrder
from runner.steps.sync import SyncOptions

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.segment import Judged
    from runner.execute import Awaiting, JobRecord, Verdict
    from runner.execute import Task as Command
    from runner.record import SegmentView

__all__ = ["carry_upload"]


def carry_upload(ctx: SiteContext, part: Barrier) -> tuple[StepOutcome, ...]:
    """Send, then put in place; a job that was begun in an earlier attempt is joined instead.

    Raises:
        LockedError: another run works on the site.
        LostError: the job's end is not known.
        UnreachableError: the link broke; what arrived is used when the run is taken up again.
    """
    step = part.step
    once = replace(step, retries=0)  # sending is what is tried again: what was sent is put in place once
    segment = Segment(part.number, (once,))
    if (begun := _begun(ctx, part)) is not None:
        release = isinstance(step.options, ReleaseOptions)
        joined = ReleaseTrial(ctx, remembered=begun.trial) if release else None
        if _ended_there(ctx, begun, joined):
            return carry_segment(ctx, segment, [once], judged=joined or PurgedAfter(ctx))
    ctx.journal.step_started(step.id)
    number, ready = 1, _gathered(ctx, step)
    while isinstance(ready, StepOutcome) and wanted(ctx, step, ready, number):
        if not paused(ctx, step, ready, number):
            break
        number, ready = number + 1, _gathered(ctx, step)
    if isinstance(ready, StepOutcome):
        ready = with_purge(ctx, counted(step, ready, number))
        ctx.journal.step_finished(ready)
        return (ready,)
    trial: ReleaseTrial | PurgedAfter = PurgedAfter(ctx)
    if isinstance(step.options, ReleaseOptions) and isinstance(ready, SwitchOrder):
        trial = ReleaseTrial(ctx, ready, measure=bool(ctx.order.undo) or not step.options.force)
        if (held := trial.unseen(step)) is not None:
            ctx.journal.step_finished(held)
            return (held,)
    return carry_segment(ctx, segment, [once], prepared=ready, judged=_Counted(trial, step, number))


@dataclass(frozen=True, slots=True)
class _Counted:
    """A judge whose outcome says on which try the files were sent."""

    judged: Judged
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
    def remembered(self) -> str:
        """As the judge's."""
        return self.judged.remembered

    def judge(self, waiting: Awaiting) -> Verdict:
        """As the judge's."""
        return self.judged.judge(waiting)

    def settled(self, record: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """The outcome, with the try; a failure is that of the job, which is not tried again."""
        settled = self.judged.settled(record, outcome)
        return settled if settled.outcome is Outcome.FAILED else counted(self.step, settled, self.number)


def _begun(ctx: SiteContext, part: Barrier) -> SegmentView | None:
    """The job that an earlier attempt wrote down."""
    if ctx.attempt == 1:
        return None
    segments = ctx.journal.jobs()
    return next((one for one in segments if one.number == part.number and one.state == "started"), None)


def _ended_there(ctx: SiteContext, begun: SegmentView, trial: ReleaseTrial | None) -> bool:
    """Follow that job to its end; False where the host has never had it."""
    verdict = trial.judge if trial else None
    try:
        record = ctx.remote.attach(begun.job, span=span_of(begun), verdict=verdict)
    except DiedError:
        return True
    return record is not None


def _gathered(ctx: SiteContext, step: Step) -> object:
    """What the job's script needs, or the step's outcome where no job is needed."""
    try:
        return _sent(ctx, step)
    except StoppedError as error:
        return StepOutcome(step=step.id, outcome=error.outcome, why=str(error))
    except (UsageError, SecretError) as error:
        why = f"{error}; {error.hint}" if error.hint else str(error)
    return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=0.0)


def _sent(ctx: SiteContext, step: Step) -> object:
    options = step.options
    if ctx.order.undo:
        return recall(ctx, step)
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
    raise UsageError(f"nobody knows how to send for {step.kind}")
