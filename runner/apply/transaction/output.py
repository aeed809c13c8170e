"""The output of a trial's job while it is still running."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.execute import CommandEnded, CommandOutput, Event
from runner.model import SiteFacts
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.fatal import fatal_error

__all__ = ["JobOutput"]


@dataclass(slots=True)
class JobOutput:
    """Output and exit status of the job's commands; `nonce` starts each line that our programs print."""

    nonce: str
    cron_known: bool | None = None
    """Whether cron worked before the changes; None if the job tests it first."""
    output: dict[str, bytearray] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def receive(self, event: Event) -> None:
        """Add the data of an event of the job."""
        if isinstance(event, CommandOutput) and not event.error:
            self.output.setdefault(event.command, bytearray()).extend(event.data)
        elif isinstance(event, CommandEnded):
            self.codes[event.command] = event.code

    def printed(self, command: str) -> str:
        """Return the output of a command so far."""
        return bytes(self.output.get(command, b"")).decode("utf-8", "replace")

    def facts(self) -> tuple[SiteFacts | None, str]:
        """Return the site's facts after the change, or why it cannot be read."""
        return facts_in(self.printed("read"), self.nonce)

    @property
    def cron(self) -> bool:
        """Whether cron worked before the changes."""
        return self.codes.get("cron-before") == 0 if self.cron_known is None else self.cron_known

    def cron_died(self) -> str:
        """Return why WordPress no longer starts for its cron; empty if it does or never did."""
        if self.codes.get("cron", 0) == 0 or not self.cron:
            return ""
        reason = fatal_error(self.printed("cron")) or "no reason was printed"
        return f"its cron no longer starts: {reason}"
