"""The stage in which files go to a host: gathered beside what is online, then put in place by a job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import NoShellError, SecretError, UsageError
from runner.execute import DiedError, attach_job
from runner.model import Outcome, Step, StepOutcome
from runner.plan import Barrier, Segment
from runner.steps.static import ReleaseOptions
from runner.steps.static.layout import SwitchOrder
from runner.steps.sync import SyncOptions
from runner.workflows.sending.patience import StoppedError
from runner.workflows.sending.purging import PurgedAfter, with_purge
from runner.workflows.sending.recall import recall
from runner.workflows.sending.release import gather
from runner.workflows.sending.shellless import release_over_sftp, sync_over_sftp
from runner.workflows.sending.sync import stage
from runner.workflows.sending.trial import ReleaseTrial
from runner.workflows.stages.segment import carry_segment, span_of
from runner.workflows.stages.tries import counted, paused, wanted

if TYPE_CHECKING:
    from runner.execute import Awaiting, JobRecord, Verdict
    from runner.execute import Task as HostTask
    from runner.record import SegmentView
    from runner.workflows.site import Task
    from runner.workflows.stages.segment import Judged

__all__ = ["carry_upload"]


def carry_upload(task: Task, part: Barrier) -> tuple[StepOutcome, ...]:
    """Send, then put in place; a job that was begun in an earlier attempt is joined instead.

    Raises:
        LockedError: another run works on the site.
        LostError: the job's end is not known.
        UnreachableError: the link broke; what arrived is used when the run is taken up again.
    """
    session, step = task.session, part.step
    once = replace(step, retries=0)  # sending is what is tried again: what was sent is put in place once
    segment = Segment(part.number, (once,))
    if (begun := _begun(task, part)) is not None:
        release = isinstance(step.options, ReleaseOptions)
        joined = ReleaseTrial(task, remembered=begun.trial) if release else None
        if _ended_there(task, begun, joined):
            return carry_segment(task, segment, [once], judged=joined or PurgedAfter(task))
    session.emit("step.started", task.run, task.site.name, step.id)
    number, ready = 1, _gathered(task, step)
    while isinstance(ready, StepOutcome) and wanted(task, step, ready, number):
        if not paused(task, step, ready, number):
            break
        number, ready = number + 1, _gathered(task, step)
    if isinstance(ready, StepOutcome):
        ready = with_purge(task, counted(step, ready, number))
        session.record(task.run, task.site.name, ready)
        return (ready,)
    trial: ReleaseTrial | PurgedAfter = PurgedAfter(task)
    if isinstance(step.options, ReleaseOptions) and isinstance(ready, SwitchOrder):
        trial = ReleaseTrial(task, ready, measure=bool(task.order.undo) or not step.options.force)
        if (held := trial.unseen(step)) is not None:
            session.record(task.run, task.site.name, held)
            return (held,)
    return carry_segment(task, segment, [once], prepared=ready, judged=_Counted(trial, step, number))


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
    def undo(self) -> tuple[HostTask, ...]:
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


def _begun(task: Task, part: Barrier) -> SegmentView | None:
    """The job that an earlier attempt wrote down."""
    if task.attempt == 1:
        return None
    segments = task.session.ledger.segments(task.run, task.site.name)
    return next((one for one in segments if one.number == part.number and one.state == "started"), None)


def _ended_there(task: Task, begun: SegmentView, trial: ReleaseTrial | None) -> bool:
    """Follow that job to its end; False where the host has never had it."""
    hosts = task.session.hosts
    endpoint = hosts.endpoint(task.order.hosts[task.site.host])
    verdict = trial.judge if trial else None
    try:
        record = attach_job(
            hosts.pool, endpoint, begun.job, span=span_of(begun), verdict=verdict, limits=hosts.limits
        )
    except DiedError:
        return True
    return record is not None


def _gathered(task: Task, step: Step) -> object:
    """What the job's script needs, or the step's outcome where no job is needed."""
    try:
        return _sent(task, step)
    except StoppedError as error:
        return StepOutcome(step=step.id, outcome=error.outcome, why=str(error))
    except (UsageError, SecretError) as error:
        why = f"{error}; {error.hint}" if error.hint else str(error)
    return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=0.0)


def _sent(task: Task, step: Step) -> object:
    options = step.options
    if task.order.undo:
        return recall(task, step)
    try:
        if isinstance(options, ReleaseOptions):
            return gather(task, step, options)
        if isinstance(options, SyncOptions):
            return stage(task, step, options)
    except NoShellError:
        if isinstance(options, ReleaseOptions):
            return release_over_sftp(task, step, options)
        if isinstance(options, SyncOptions):
            return sync_over_sftp(task, step, options)
    raise UsageError(f"nobody knows how to send for {step.kind}")
