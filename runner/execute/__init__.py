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
