"""What became of the steps of a segment, once its job has ended. Pure: by its record alone."""

from __future__ import annotations

from dataclasses import replace

from runner.execute import JobRecord, TaskRecord
from runner.hosts.sudo import sudo_refusal
from runner.model import Outcome, Step, StepOutcome
from runner.steps import Context, Result, Script, StepKind, registry
from runner.steps.become import without_mark
from runner.steps.wordpress import facts_in

__all__ = ["REREAD", "refused", "reread", "understood"]

REREAD = "reread"
"""The task of a job that reads the site again at its end."""


def reread(context: Context, record: JobRecord) -> Context:
    """The context with what the job read in the end, or with why it could not be read."""
    found = record.tasks.get(REREAD)
    if found is None:
        return context
    facts, problem = facts_in(found.text, context.mark)
    return replace(context, after=facts, after_problem=problem)


def understood(
    names: dict[str, Step], scripts: dict[str, Script | None], record: JobRecord, context: Context
) -> tuple[StepOutcome, ...]:
    """The outcome of each step.

    Args:
        names: of the job's tasks, with the steps that they are.
        scripts: by the steps' ids; None for one that had nothing to do.
        record: of the job.
        context: with what was read in the end.
    """
    kinds = registry()
    outcomes = []
    for name, step in names.items():
        kind = kinds[step.kind]
        if not scripts[step.id]:
            outcomes.append(kind.idle(step, context))
        elif name not in record.tasks and any(one.outcome is Outcome.LOST for one in outcomes):
            outcomes.append(_not_begun(step, "died"))
        else:
            outcomes.append(_understood(kind, step, record.tasks.get(name), record, context))
    return tuple(outcomes)


def _understood(
    kind: StepKind, step: Step, found: TaskRecord | None, record: JobRecord, context: Context
) -> StepOutcome:
    if found is None or (found.code is None and not found.why):
        if record.status == "cancelled":
            return StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why="the run was cancelled")
        result = Result(status=-1, seconds=found.seconds if found else 0.0, output="", why="lost")
        return kind.understand(step, result, context)
    if found.code is None:
        return _not_begun(step, found.why)
    output = found.text
    if step.become:
        if not found.why and (no := sudo_refusal(context.host, output, context.mark)):
            return StepOutcome(
                step=step.id, outcome=Outcome.FAILED, why=str(no), seconds=found.seconds, output=output
            )
        output = without_mark(output, context.mark)
    result = Result(status=found.code, seconds=found.seconds, output=output, why=found.why)
    return kind.understand(step, result, context)


def refused(step: Step, status: str) -> StepOutcome | None:
    """Return the outcome of a step whose job had no lock to run under; None for any other job."""
    return _not_begun(step, status) if status in {"nosite", "nolock"} else None


def _not_begun(step: Step, word: str) -> StepOutcome:
    outcome, why = _NOT_BEGUN[word]
    return StepOutcome(step=step.id, outcome=outcome, why=why)


PUBLIC = (
    "every folder for restore points lies where a web server hands it out (the login's home is a document "
    "root, and /var/tmp and /tmp cannot be used): move the document root to a folder below the home"
)
_NOT_BEGUN = {
    "failed": (Outcome.SKIPPED, "not begun, since an earlier step failed"),
    "cancelled": (Outcome.CANCELLED, "the run was cancelled"),
    "nospace": (Outcome.FAILED, "not begun, since no space is left on the host"),
    "nofolder": (Outcome.FAILED, "not begun, since the host has no folder to write to"),
    "public": (Outcome.FAILED, f"not begun, since {PUBLIC}"),
    "locked": (Outcome.SKIPPED, "not begun, since another run works on this site"),
    "nosite": (
        Outcome.FAILED,
        "not begun, since the site's folder is not there; correct `path` in inventory.yaml",
    ),
    "nolock": (
        Outcome.FAILED,
        "not begun, since the site's lock could not be written on the host; is its disk full? df -h",
    ),
    "died": (Outcome.LOST, "not begun, since the host's process died"),  # so that `resume` comes to it
}
