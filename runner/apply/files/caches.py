"""Caches after an upload: cleared once the files are in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.transaction.caches import purge_now, unpurged
from runner.model import Outcome, StepOutcome

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.execute import Awaiting, Command, JobRecord, Verdict

__all__ = ["PurgeAfter", "with_purge"]


def with_purge(ctx: SiteContext, outcome: StepOutcome) -> StepOutcome:
    """Clear the site's caches after a change; return the outcome with those that could not be cleared."""
    if outcome.outcome not in {Outcome.CHANGED, Outcome.UNDONE}:
        return outcome
    why = unpurged(purge_now(ctx, None))
    return replace(outcome, why="; ".join(filter(None, (outcome.why, why))))


class PurgeAfter:
    """A judge that keeps the files without a check and clears the caches."""

    wait = 0
    stored = ""

    def __init__(self, ctx: SiteContext) -> None:
        self.ctx = ctx

    @property
    def undo(self) -> tuple[Command, ...]:
        """No commands: the files are always kept."""
        return ()

    def judge(self, _: Awaiting) -> Verdict:
        """Keep."""
        return "keep"

    def final_outcome(self, _: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """Clear the caches; see `with_purge`."""
        return with_purge(self.ctx, outcome)
