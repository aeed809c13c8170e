"""Caches after files were sent: emptied once they are in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.model import Outcome, StepOutcome
from runner.workflows.changes.purge import purge_now, unpurged

if TYPE_CHECKING:
    from runner.execute import Awaiting, JobRecord, Verdict
    from runner.execute import Task as HostTask
    from runner.workflows.site import Task

__all__ = ["PurgedAfter", "with_purge"]


def with_purge(task: Task, outcome: StepOutcome) -> StepOutcome:
    """The outcome, with what could not be emptied after a change."""
    if outcome.outcome not in {Outcome.CHANGED, Outcome.UNDONE}:
        return outcome
    said = unpurged(purge_now(task, None))
    return replace(outcome, why="; ".join(filter(None, (outcome.why, said))))


class PurgedAfter:
    """For a job whose files stay whatever the site looks like."""

    wait = 0
    remembered = ""

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def undo(self) -> tuple[HostTask, ...]:
        """Nothing: nobody is asked whether it stays."""
        return ()

    def judge(self, _: Awaiting) -> Verdict:
        """It stays."""
        return "keep"

    def settled(self, _: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """The outcome once the job has ended, with what could not be emptied."""
        return with_purge(self.task, outcome)
