"""Caches after files were sent: emptied once they are in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.transaction.caches import purge_now, unpurged
from runner.model import Outcome, StepOutcome

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.execute import Awaiting, JobRecord, Verdict
    from runner.execute import Task as Command

__all__ = ["PurgeAfter", "with_purge"]


def with_purge(ctx: SiteContext, outcome: StepOutcome) -> StepOutcome:
    """The outcome, with what could not be emptied after a change."""
    if outcome.outcome not in {Outcome.CHANGED, Outcome.UNDONE}:
        return outcome
    said = unpurged(purge_now(ctx, None))
    return replace(outcome, why="; ".join(filter(None, (outcome.why, said))))


class PurgeAfter:
    """For a job whose files stay whatever the site looks like."""

    wait = 0
    remembered = ""

    def __init__(self, ctx: SiteContext) -> None:
        self.ctx = ctx

    @property
    def undo(self) -> tuple[Command, ...]:
        """Nothing: nobody is asked whether it stays."""
        return ()

    def judge(self, _: Awaiting) -> Verdict:
        """It stays."""
        return "keep"

    def settled(self, _: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """The outcome once the job has ended, with what could not be emptied."""
        return with_purge(self.ctx, outcome)
