"""The outcomes of a segment's steps, by the record of its job alone."""

from __future__ import annotations

from dataclasses import replace

from runner.execute import CommandRecord, JobRecord
from runner.hosts.sudo import sudo_refusal
from runner.model import Outcome, Step, StepOutcome
from runner.steps import Context, Result, Script, StepKind, registry
from runner.steps.become import without_mark
from runner.steps.wordpress import facts_in

__all__ = ["REREAD", "outcome_without_lock", "outcomes_of", "with_facts_after"]

REREAD = "reread"
"""The command of a job that reads the site again at its end."""


def with_facts_after(context: Context, record: JobRecord) -> Context:
    """Return the context with the facts that the job read at its end, or with why it could not."""
    found = record.commands.get(REREAD)
    if found is None:
        return context
    facts, problem = facts_in(found.text, context.mark)
    return replace(context, after=facts, after_problem=problem)


def outcomes_of(
    names: dict[str, Step], scripts: dict[str, Script | None], record: JobRecord, context: Context
) -> tuple[StepOutcome, ...]:
    """Return the outcome of each step.

    Args:
        names: the steps by the names of the job's commands.
        scripts: the scripts by the steps' ids; None for a step that has nothing to do.
        record: record of the job.
        context: the context with the facts that were read at the end.
    """
    kinds = registry()
    outcomes = []
    for name, step in names.items():
        kind = kinds[step.kind]
        if not scripts[step.id]:
            outcomes.append(kind.idle(step, context))
        elif name not in record.commands and any(one.outcome is Outcome.LOST for one in outcomes):
            outcomes.append(_not_started(step, "died"))
        else:
            outcomes.append(_outcome(kind, step, record.commands.get(name), record, context))
    return tuple(outcomes)


def _outcome(
    kind: StepKind, step: Step, found: CommandRecord | None, record: JobRecord, context: Context
) -> StepOutcome:
    if found is None or (found.code is None and not found.why):
        if record.status == "cancelled":
            return StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why="the run was cancelled")
        result = Result(status=-1, seconds=found.seconds if found else 0.0, output="", why="lost")
        return kind.understand(step, result, context)
    if found.code is None:
        return _not_started(step, found.why)
    output = found.text
    if step.become:
        if not found.why and (refused := sudo_refusal(context.host, output, context.mark)):
            return StepOutcome(
                step=step.id, outcome=Outcome.FAILED, why=str(refused), seconds=found.seconds, output=output
            )
        output = without_mark(output, context.mark)
    result = Result(status=found.code, seconds=found.seconds, output=output, why=found.why)
    return kind.understand(step, result, context)


def outcome_without_lock(step: Step, status: str) -> StepOutcome | None:
    """Return the outcome of a step whose job could not lock the site; None for any other job."""
    return _not_started(step, status) if status in {"nosite", "nolock"} else None


def _not_started(step: Step, word: str) -> StepOutcome:
    outcome, why = _NOT_STARTED[word]
    return StepOutcome(step=step.id, outcome=outcome, why=why)


PUBLIC = (
    "every possible folder for restore points is served by a web server (the login's home is a document "
    "root, and /var/tmp and /tmp cannot be used): move the document root to a folder below the home"
)
_NOT_STARTED = {
    "failed": (Outcome.SKIPPED, "not started: an earlier step failed"),
    "cancelled": (Outcome.CANCELLED, "the run was cancelled"),
    "nospace": (Outcome.FAILED, "not started: no space left on the host"),
    "nofolder": (Outcome.FAILED, "not started: the host has no folder that this login can write to"),
    "public": (Outcome.FAILED, f"not started: {PUBLIC}"),
    "locked": (Outcome.SKIPPED, "not started: another run is working on this site"),
    "nosite": (
        Outcome.FAILED,
        "not started: the site's folder does not exist; correct `path` in the inventory",
    ),
    "nolock": (
        Outcome.FAILED,
        "not started: the site's lock could not be written on the host; is its disk full? df -h",
    ),
    # lost, so that `resume` runs it
    "died": (Outcome.LOST, "not started: the job's processes on the host were killed"),
}
"""Outcome and reason of a step that was not started, by the host's word."""
