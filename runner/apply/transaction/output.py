"""What the job of a trial has printed so far, before there is a record of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.execute import Event, TaskEnded, TaskOutput
from runner.model import SiteFacts
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.fatal import fatal_error

__all__ = ["JobOutput"]


@dataclass(slots=True)
class JobOutput:
    """Output and exit status of the job's commands; `nonce` begins the lines of our programs in it."""

    nonce: str
    cron_known: bool | None = None
    """Whether cron worked before; None if the job tries it first."""
    output: dict[str, bytearray] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def receive(self, event: Event) -> None:
        """Take what an event of the job holds."""
        if isinstance(event, TaskOutput) and not event.error:
            self.output.setdefault(event.task, bytearray()).extend(event.data)
        elif isinstance(event, TaskEnded):
            self.codes[event.task] = event.code

    def printed(self, command: str) -> str:
        """Return what a command has printed."""
        return bytes(self.output.get(command, b"")).decode("utf-8", "replace")

    def facts(self) -> tuple[SiteFacts | None, str]:
        """Return the site after the change, or why it cannot be read."""
        return facts_in(self.printed("read"), self.nonce)

    @property
    def cron(self) -> bool:
        """Whether cron worked before."""
        return self.codes.get("cron-before") == 0 if self.cron_known is None else self.cron_known

    def cron_died(self) -> str:
        """Return why WordPress no longer starts for its cron; empty if it does, or never did."""
        if self.codes.get("cron", 0) == 0 or not self.cron:
            return ""
        reason = fatal_error(self.printed("cron")) or "no reason was printed"
        return f"its cron no longer starts: {reason}"
