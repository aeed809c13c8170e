"""Run a job to its known outcome, join one, speak to one, let one go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import LostError, SitecrewError
from runner.execute.answers import Answers, Budget
from runner.execute.follow import Follower
from runner.execute.limits import Limits, Span
from runner.execute.link import CutError
from runner.execute.watch import Control, Judge, OnEvent, Watch, Word
from runner.execute.wire import command, opening

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.events import JobRecord
    from runner.execute.job import Job
    from runner.execute.link import Link
    from runner.execute.pool import Pool

__all__ = ["NotSentError", "ack_job", "attach_job", "run_job", "tell_job"]


class NotSentError(SitecrewError):
    """An unexpected error, its cause, kept a job from being sent."""

    def __init__(self, job: str) -> None:
        super().__init__(f"job {job[:12]} could not be sent")
        self.job = job


def run_job(
    pool: Pool,
    endpoint: Endpoint,
    job: Job,
    *,
    on_event: OnEvent | None = None,
    verdict: Judge | None = None,
    control: Control | None = None,
    limits: Limits | None = None,
) -> JobRecord:
    """Do the job, or join it where it has been begun, and return its outcome.

    `on_event` sees every event from the job's beginning, also those from before this call; it runs in this
    thread and its exceptions go to the caller, while the job goes on. `verdict` is called in a thread of its
    own when the job waits; what it raises goes to the caller and is never a verdict: the host then decides by
    itself. None from it leaves the decision to the host too.

    Raises:
        UnreachableError: (and kin) nothing was begun.
        JobRefusedError: the host would not take the job; nothing was begun.
        LostError: it may have been begun, and what came of it is not known.
        NotSentError: an unexpected error before the job was sent; nothing was begun.
    """
    watch = _watch(on_event, verdict, control, limits)
    watch = replace(watch, span=job.span(), tasks=job.task_ids, flood=job.flood)
    follower = Follower(pool, endpoint, job.id, watch)
    try:
        record = follower.run("start", job.body(), job.secrets())
    except SitecrewError:
        raise
    except Exception as error:
        if follower.may_have_begun:
            raise
        raise NotSentError(job.id) from error
    if record is None:
        raise LostError(f"{endpoint.called}: job {job.id} vanished")
    return record


def attach_job(
    pool: Pool,
    endpoint: Endpoint,
    job_id: str,
    *,
    span: Span | None = None,
    on_event: OnEvent | None = None,
    verdict: Judge | None = None,
    control: Control | None = None,
    limits: Limits | None = None,
) -> JobRecord | None:
    """Join a job without starting it; None when the host knows of no such job: nothing of it ever ran.

    Without its `span` it is waited for as long as the limits allow to a job whose tasks are not known.

    Raises:
        UnreachableError: no connection.
        LostError: it was begun, and what came of it is not known.
    """
    watch = replace(_watch(on_event, verdict, control, limits), span=span)
    return Follower(pool, endpoint, job_id, watch).run("attach")


def tell_job(
    pool: Pool,
    endpoint: Endpoint,
    job_id: str,
    word: Word,
    *,
    on_event: OnEvent | None = None,
    limits: Limits | None = None,
) -> JobRecord | None:
    """Say keep, undo or cancel in an exec of its own and follow the job to its end, as `attach_job` does."""
    follower = Follower(pool, endpoint, job_id, _watch(on_event, None, None, limits))
    return follower.run(word)


def ack_job(
    pool: Pool, endpoint: Endpoint, job_id: str, *, confirm: bool = False, limits: Limits | None = None
) -> None:
    """The outcome is on record here: the host forgets everything but that the job is done.

    Costs nothing where the job's exec is still open. It may be lost with a link: then `collect_garbage` does
    it some day. With `confirm` it is asked for over an exec of its own.

    Raises:
        UnreachableError: no connection, where an exec of its own was needed.
        ProtocolError: (where it was) the answer breaks the protocol, or passes a limit.
        CutError: with `confirm`, the answer did not come.
    """
    limits = limits or Limits()
    link = pool.existing(endpoint)
    kept = link.lingering(job_id) if link else None
    if kept is not None:
        try:
            kept.send(b"ack\n", 10.0)
        except CutError:
            kept = None
        else:
            kept.close()
    if kept is None or confirm:
        _ask(pool.link(endpoint), endpoint, job_id, limits)


def _watch(
    on_event: OnEvent | None, verdict: Judge | None, control: Control | None, limits: Limits | None
) -> Watch:
    return Watch(on_event, verdict, control or Control(), limits or Limits())


def _ask(link: Link, endpoint: Endpoint, job_id: str, limits: Limits) -> None:
    start = opening("ack", job_id, shell=endpoint.shell)
    limits = replace(limits, silence=limits.hello, received=1 << 20, frames=100)
    exec_ = link.run(command(endpoint.shell), limits.hello, data=start.data)
    try:
        budget = Budget(endpoint.called, limits, limits.hello)
        answers = Answers(link, exec_, start.nonce, limits=limits, budget=budget, first=("eof", "error"))
        while not answers.receive():
            pass
    finally:
        exec_.close()
