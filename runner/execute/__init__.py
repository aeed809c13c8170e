"""Work on hosts: the driver and its protocol, and the SSH connections below them."""

from runner.execute.endpoint import Endpoint, Target, resolve
from runner.execute.events import (
    DEADMAN,
    UNSEEN,
    Awaiting,
    CommandEnded,
    CommandOutput,
    CommandSkipped,
    CommandStarted,
    Decided,
    Ended,
    Event,
    Locked,
    Started,
    TookOver,
)
from runner.execute.garbage import collect_garbage
from runner.execute.hostkeys import KnownHosts
from runner.execute.job import Command, Job, Lock, Restore, job_id
from runner.execute.jobs import NotSentError, ack_job, attach_job, run_job, tell_job
from runner.execute.keys import HostKey
from runner.execute.limits import Span, Timeouts
from runner.execute.pool import Pool
from runner.execute.read import read, stream
from runner.execute.recording import record
from runner.execute.records import CommandRecord, DiedError, JobRecord
from runner.execute.statuses import Decider, Decision, JobStatus, Why
from runner.execute.upload import Sent, Source, upload
from runner.execute.watch import Control, Verdict

Task = Command
TaskRecord = CommandRecord
TaskBegan = CommandStarted
TaskEnded = CommandEnded
TaskOutput = CommandOutput
TaskSkipped = CommandSkipped
Limits = Timeouts
"""The old names, for modules that still use them."""

__all__ = [
    "DEADMAN",
    "UNSEEN",
    "Awaiting",
    "Command",
    "CommandEnded",
    "CommandOutput",
    "CommandRecord",
    "CommandSkipped",
    "CommandStarted",
    "Control",
    "Decided",
    "Decider",
    "Decision",
    "DiedError",
    "Ended",
    "Endpoint",
    "Event",
    "HostKey",
    "Job",
    "JobRecord",
    "JobStatus",
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
    "Timeouts",
    "TookOver",
    "Verdict",
    "Why",
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
