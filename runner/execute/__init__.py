"""The room that works on hosts: the remote driver, the frames it speaks, and the SSH under it."""

from runner.execute.endpoint import Endpoint, Target, resolve
from runner.execute.events import (
    DEADMAN,
    UNSEEN,
    Awaiting,
    Decided,
    DiedError,
    Ended,
    Event,
    JobRecord,
    Locked,
    Started,
    TaskBegan,
    TaskEnded,
    TaskOutput,
    TaskRecord,
    TaskSkipped,
    TookOver,
)
from runner.execute.hostkeys import HostKey, KnownHosts
from runner.execute.job import Job, Lock, Restore, Task, job_id
from runner.execute.limits import Limits, Span
from runner.execute.pool import Pool
from runner.execute.read import collect_garbage, read, stream
from runner.execute.recording import record
from runner.execute.segment import NotSentError, ack_job, attach_job, run_job, tell_job
from runner.execute.upload import Sent, Source, upload
from runner.execute.watch import Control, Verdict

__all__ = [
    "DEADMAN",
    "UNSEEN",
    "Awaiting",
    "Control",
    "Decided",
    "DiedError",
    "Ended",
    "Endpoint",
    "Event",
    "HostKey",
    "Job",
    "JobRecord",
    "KnownHosts",
    "Limits",
    "Lock",
    "Locked",
    "NotSentError",
    "Pool",
    "Restore",
    "Sent",
    "Source",
    "Span",
    "Started",
    "Target",
    "Task",
    "TaskBegan",
    "TaskEnded",
    "TaskOutput",
    "TaskRecord",
    "TaskSkipped",
    "TookOver",
    "Verdict",
    "ack_job",
    "attach_job",
    "collect_garbage",
    "job_id",
    "read",
    "record",
    "resolve",
    "run_job",
    "stream",
    "tell_job",
    "upload",
]
