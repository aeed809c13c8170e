"""Why changes were rolled back or not made, by the record of their job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.apply.results import PUBLIC, outcome_without_lock
from runner.execute import DEADMAN, JobRecord
from runner.model import Outcome, Step, StepOutcome
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.transaction.database import DatabasePoint

__all__ = ["BEFORE_VERDICT", "WHY", "commit_failure", "text_of", "why_rolled_back", "without_change"]

WHY = {
    DEADMAN: "the site did not work according to its host, and the controller could not check it",
    "died": "the processes on the host were killed during the change",
    "nospace": "no space left on the host",
    "nofolder": "the host has no folder that this login can write to",
    "public": PUBLIC,
    "failed": "the restore point could not be created",
    "unsettled": "files that belong to the changed folders could not be restored into them",
}
"""Why changes were rolled back, by who decided."""
BEFORE_VERDICT = {"cancelled", "failed", "nospace", "nofolder", "public"}
"""How a trial may end before its changes could be judged."""


def why_rolled_back(record: JobRecord, outcome: StepOutcome, by: str) -> str:
    """Return why changes were rolled back in which no damage was found."""
    if by != "failed":
        return WHY.get(by, f"its host decided ({by})")
    settle = record.commands.get("settle")
    if settle and settle.code:
        return f"{WHY['unsettled']}: {sentence(settle.text) or f'exit status {settle.code}'}"
    return outcome.why if outcome.why.startswith(WHY["failed"]) else WHY["failed"]


def without_change(ctx: SiteContext, step: Step, record: JobRecord, database: DatabasePoint) -> StepOutcome:
    """Return the outcome of a step whose job ended before it changed anything."""
    if record.status == "cancelled":
        return StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why=ctx.stop.why)
    if (outcome := outcome_without_lock(step, record.status)) is not None:
        return outcome
    reason = sentence(text_of(record, "save")) or database.undo_in(record).why
    if "No space left" in reason:
        reason = f"no space left on the host; free some space: df -h {ctx.site.path}"
    why = f"{WHY['failed']}: {reason}" if reason else WHY["failed"]
    return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why)


def commit_failure(record: JobRecord) -> str:
    """Return why the commands after a kept change failed; empty if they did not."""
    keep = record.commands.get("keep")
    return (sentence(keep.text) or f"exit status {keep.code}") if keep and keep.code else ""


def text_of(record: JobRecord, command: str) -> str:
    """Return what a command of the job has printed."""
    found = record.commands.get(command)
    return found.text if found else ""
