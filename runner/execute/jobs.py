"""Run a job to its result, attach to one, send it a word, acknowledge its result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import LostError, SitecrewError
from runner.execute.answers import Answers, Budget
from runner.execute.follow import Follower
from runner.execute.limits import Span, Timeouts
from runner.execute.link import CutError
from runner.execute.watch import Control, Judge, OnEvent, Watch, Word
from runner.execute.wire import opening, shell_command

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.job import Job
    from runner.execute.link import Link
    from runner.execute.pool import Pool
    from runner.execute.records import JobRecord

__all__ = ["NotSentError", "ack_job", "attach_job", "run_job", "tell_job"]


class NotSentError(SitecrewError):
    """An unexpected error (its cause) occurred before the job was sent."""

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
    limits: Timeouts | None = None,
) -> JobRecord:
    """Run the job, or attach to it if it was started before, and return its result.

    `on_event` gets every event since the job's start, including those from before this call. It runs in this
    thread; what it raises goes to the caller, and the job continues. `verdict` is called in a thread of its
    own when the job waits. What it raises goes to the caller and is not a verdict: the host then decides
    itself, as it does if `verdict` returns None.

    Raises:
        UnreachableError: (and subclasses) nothing was started.
        JobRefusedError: the host refused the job; nothing was started.
        LostError: it may have been started, and its result is unknown.
        NotSentError: an unexpected error before the job was sent; nothing was started.
    """
    watch = _watch(on_event, verdict, control, limits)
    watch = replace(watch, span=job.span(), commands=job.command_ids, flood=job.flood)
    follower = Follower(pool, endpoint, job.id, watch)
    try:
        record = follower.run("start", job.body(), job.secrets())
    except SitecrewError:
        raise
    except Exception as error:
        if follower.may_have_started:
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
    limits: Timeouts | None = None,
) -> JobRecord | None:
    """Follow a job without starting it. Return None if the host has no such job: it was never started.

    Without `span`, the limits are those for a job whose commands are not known.

    Raises:
        UnreachableError: no connection.
        LostError: it was started, and its result is unknown.
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
    limits: Timeouts | None = None,
) -> JobRecord | None:
    """Send keep, undo or cancel over an exec channel of its own, then follow the job as `attach_job` does."""
    follower = Follower(pool, endpoint, job_id, _watch(on_event, None, None, limits))
    return follower.run(word)


def ack_job(
    pool: Pool, endpoint: Endpoint, job_id: str, *, confirm: bool = False, limits: Timeouts | None = None
) -> None:
    """Let the host delete a job's files except its tombstone. Call it when the result is recorded.

    Costs no round trip while the job's exec channel is open. The word can get lost with the connection; then
    `collect_garbage` deletes the files later. `confirm`: use an exec channel of its own and wait for the
    answer.

    Raises:
        UnreachableError: no connection, if a new exec channel was needed.
        ProtocolError: its answer breaks the protocol or exceeds a limit.
        CutError: with `confirm`, no answer arrived.
    """
    limits = limits or Timeouts()
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
        _ack_and_wait(pool.link(endpoint), endpoint, job_id, limits)


def _watch(
    on_event: OnEvent | None, verdict: Judge | None, control: Control | None, limits: Timeouts | None
) -> Watch:
    return Watch(on_event, verdict, control or Control(), limits or Timeouts())


def _ack_and_wait(link: Link, endpoint: Endpoint, job_id: str, limits: Timeouts) -> None:
    start = opening("ack", job_id, shell=endpoint.shell)
    limits = replace(limits, silence=limits.hello, received=1 << 20, frames=100)
    exec_ = link.run(shell_command(endpoint.shell), limits.hello, data=start.data)
    try:
        budget = Budget(endpoint.called, limits, limits.hello)
        answers = Answers(link, exec_, start.nonce, limits=limits, budget=budget, first=("eof", "error"))
        while not answers.receive():
            pass
    finally:
        exec_.close()
