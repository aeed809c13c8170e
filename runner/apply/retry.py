"""Trying again: a failed step that has `retries` gets another go, as a job of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.execute import job_id
from runner.model import Outcome, Step, StepOutcome

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.plan import Segment
    from runner.record import SegmentView

__all__ = ["counted", "job_of", "next_try", "paused", "wanted"]

_LONGEST = 10.0
_FAILED = frozenset({"ok", "failed"})
"""Last words of jobs that ran to their end; `ok` where the step's policy is to go on."""


def job_of(ctx: SiteContext, part: Segment, number: int = 1) -> str:
    """The job begun earlier whose end is not recorded, else a new one of this attempt and try."""
    earlier = _earlier(ctx, part)
    if earlier and earlier.state == "started":
        return earlier.job
    return _id(ctx, part, ctx.attempt, number)


def next_try(ctx: SiteContext, part: Segment, step: Step) -> int:
    """Which try comes now: that of the job which may still run, or the one after a try that failed."""
    earlier = _earlier(ctx, part)
    if earlier is None:
        return 1
    tries = range(1, step.retries + 2)
    known = {_id(ctx, part, attempt, n): n for attempt in range(1, ctx.attempt + 1) for n in tries}
    number = known.get(earlier.job, 1)
    if earlier.state == "started":
        return number
    return min(number + 1, step.retries + 1) if earlier.status in _FAILED else 1


def wanted(ctx: SiteContext, step: Step, outcome: StepOutcome, number: int) -> bool:
    """Whether a step is tried once more after its try `number`, which counts from 1."""
    failed = outcome.outcome is Outcome.FAILED
    return failed and number <= step.retries and not ctx.stop.asked.is_set()


def paused(ctx: SiteContext, step: Step, outcome: StepOutcome, number: int) -> bool:
    """Tell of the failed try and wait, longer each time. False when the run was cancelled meanwhile."""
    seconds = min(2.0 ** (number - 1), _LONGEST)
    ctx.journal.step_retried(step.id, outcome, number=number, of=step.retries + 1, seconds=seconds)
    return not ctx.stop.asked.wait(seconds)


def counted(step: Step, outcome: StepOutcome, number: int) -> StepOutcome:
    """The outcome of a try, saying which it was where it was not the first."""
    if number == 1:
        return outcome
    failed = outcome.outcome is Outcome.FAILED
    said = f"tried {number} times" if failed else f"on try {number} of {step.retries + 1}"
    return replace(outcome, why=f"{outcome.why}; {said}" if outcome.why else said)


def _id(ctx: SiteContext, part: Segment, attempt: int, number: int) -> str:
    which = f"{part.number}.{attempt}" + (f".{number}" if number > 1 else "")
    return job_id(ctx.run, ctx.site.name, which)


def _earlier(ctx: SiteContext, part: Segment) -> SegmentView | None:
    """What an earlier attempt has written down of this segment's last job."""
    if ctx.attempt == 1:
        return None
    segments = ctx.journal.jobs()
    return next((one for one in segments if one.number == part.number), None)
