"""The words for how jobs and commands ended and who decided. Hosts send them and ledgers store them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Decider", "Decision", "JobStatus", "Why"]


class JobStatus(StrEnum):
    """How a job ended."""

    OK = "ok"
    """Every command ran, and the changes were kept."""
    FAILED = "failed"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    DIED = "died"
    """The driver was killed; its warden finished the job."""
    NOSPACE = "nospace"
    """The disk of the host was full."""
    NOFOLDER = "nofolder"
    """No directory for restore points could be created."""
    PUBLIC = "public"
    """The restore points would have been in a document root."""
    NOSITE = "nosite"
    """The directory of the site does not exist."""
    NOLOCK = "nolock"
    """The lock of the site could not be created."""
    LOCKED = "locked"
    """Another run holds the lock of the site."""
    ABSENT = "absent"
    """The job does not exist on the host. Recorded by the controller; no host reports it as a status."""

    @property
    def is_reported(self) -> bool:
        """Whether a host reports this status."""
        return self is not JobStatus.ABSENT

    @property
    def is_refusal(self) -> bool:
        """Whether the job ended before its first command, so that nothing was changed."""
        return self in {
            JobStatus.NOFOLDER,
            JobStatus.PUBLIC,
            JobStatus.NOSITE,
            JobStatus.NOLOCK,
            JobStatus.LOCKED,
            JobStatus.ABSENT,
        }

    @property
    def ran_to_end(self) -> bool:
        """Whether all commands were run, unless one of them failed."""
        return self in {JobStatus.OK, JobStatus.FAILED}


class Decision(StrEnum):
    """The verdict on a job's changes."""

    KEEP = "keep"
    UNDO = "undo"


class Decider(StrEnum):
    """Who made the decision, or what forced it."""

    CONTROLLER = "controller"
    DEADMAN = "deadman"
    """The host itself, after the controller was silent for too long."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    DIED = "died"
    NOSPACE = "nospace"
    NOFOLDER = "nofolder"
    PUBLIC = "public"

    @property
    def is_verdict(self) -> bool:
        """Whether the site was checked first. Otherwise, what went wrong in the job forced an undo."""
        return self in {Decider.CONTROLLER, Decider.DEADMAN}


class Why(StrEnum):
    """Why a command was stopped or has no exit status. A skipped command has the job's status instead."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    FLOOD = "flood"
    """It printed more than the limit."""
    NOSPACE = "nospace"
    MISSING = "missing"
    """The host sent nothing about it."""
