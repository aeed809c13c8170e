"""The results of jobs and of their commands."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.errors import LostError
from runner.execute.events import Decided, Locked
from runner.execute.statuses import JobStatus

__all__ = ["CommandRecord", "DiedError", "JobRecord"]


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """The result of one command. `code` is None if it was skipped or never ended."""

    command: str
    code: int | None = None
    why: str = ""
    seconds: float = 0.0
    output: bytes = b""
    error: bytes = b""
    """Its stderr, if that was kept separate."""
    truncated: bool = False
    size: int = 0
    """Bytes of output in total, kept or not."""

    @property
    def ok(self) -> bool:
        """Whether it ran to its end and exited with 0."""
        return self.code == 0 and not self.why

    @property
    def text(self) -> str:
        """The output as text; invalid UTF-8 is replaced."""
        return self.output.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The known result of one job."""

    job: str
    status: JobStatus
    commands: dict[str, CommandRecord] = field(default_factory=dict)
    """In the order of their events; empty if only the job's tombstone was left."""
    decided: Decided | None = None
    lock: Locked | None = None
    attached: bool = False
    """It was running or over before this call."""
    links: int = 1
    """The number of exec channels that were needed; more than one after the connection broke."""

    @property
    def ok(self) -> bool:
        """Whether every command ran and the changes were kept."""
        return self.status == JobStatus.OK


class DiedError(LostError):
    """All processes of a job ended without a result. `record`: what is known of it."""

    def __init__(self, message: str, *, hint: str = "", record: JobRecord) -> None:
        super().__init__(message, hint=hint)
        self.record = record
