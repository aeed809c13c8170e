"""What a host prints while a trial's job runs, before there is a record of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.execute import Event, TaskEnded, TaskOutput
from runner.model import SiteFacts
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.fatal import fatal_error

__all__ = ["Heard"]


@dataclass(slots=True)
class Heard:
    """Output and exit status of the job's tasks so far; `mark` begins our programs' lines in it."""

    mark: str
    cron_known: bool | None = None
    """Whether cron worked before; None where the job itself tries it first."""
    output: dict[str, bytearray] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """What the host has just told."""
        if isinstance(event, TaskOutput) and not event.error:
            self.output.setdefault(event.task, bytearray()).extend(event.data)
        elif isinstance(event, TaskEnded):
            self.codes[event.task] = event.code

    def said(self, ctx: str) -> str:
        """What a task has printed."""
        return bytes(self.output.get(ctx, b"")).decode("utf-8", "replace")

    def facts(self) -> tuple[SiteFacts | None, str]:
        """The site after the change, or why it cannot be read."""
        return facts_in(self.said("read"), self.mark)

    @property
    def cron(self) -> bool:
        """Whether cron worked before."""
        return self.codes.get("cron-before") == 0 if self.cron_known is None else self.cron_known

    def cron_died(self) -> str:
        """Why WordPress does not start for its cron any more; empty where it does, or never did."""
        if self.codes.get("cron", 0) == 0 or not self.cron:
            return ""
        reason = fatal_error(self.said("cron")) or "no reason was printed"
        return f"its cron does not start any more: {reason}"
