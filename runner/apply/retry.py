"""Retries of a failed step that has `retries`, after a wait that doubles each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.model import Outcome, Phase, Step, StepOutcome

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["Try", "run_with_retries", "with_try_count"]

_LONGEST = 10.0
"""Seconds of the longest wait."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a step, with outcomes that are not recorded yet."""

    outcomes: tuple[StepOutcome, ...]
    settle: Callable[[tuple[StepOutcome, ...]], tuple[StepOutcome, ...]]
    """Records the end of the try and the given outcomes (none if another try follows); returns them."""


def run_with_retries(
    ctx: SiteContext,
    step: Step,
    run_once: Callable[[int], Try],
    *,
    first: int = 1,
    retriable: Callable[[], bool] = lambda: True,
) -> tuple[StepOutcome, ...]:
    """Run a step until it succeeds, is out of retries, or the run is cancelled; record its outcomes.

    Args:
        ctx: the site.
        step: the step; its `retries` limit the number of tries.
        run_once: runs the step, given the number of the try.
        first: number of the first try, greater than 1 if an earlier attempt made some.
        retriable: whether anything is left to do after a failed try.
    """
    number = first
    tried = run_once(number)
    while (failed := _failed(ctx, step, tried.outcomes, number)) and retriable():
        tried.settle(())
        if not _wait(ctx, step, failed, number):
            outcome = replace(failed, outcome=Outcome.CANCELLED, why=f"{ctx.stop.why} between two tries")
            ctx.journal.step_finished(outcome)
            return (outcome,)
        number += 1
        tried = run_once(number)
    outcomes = tuple(with_try_count(step, outcome, number) for outcome in tried.outcomes)
    return tried.settle(outcomes)


def with_try_count(step: Step, outcome: StepOutcome, number: int) -> StepOutcome:
    """Return the outcome of a try with its number, unless it was the first."""
    if number == 1:
        return outcome
    failed = outcome.outcome is Outcome.FAILED
    count = f"tried {number} times" if failed else f"on try {number} of {step.retries + 1}"
    return replace(outcome, why=f"{outcome.why}; {count}" if outcome.why else count)


def _failed(ctx: SiteContext, step: Step, outcomes: Sequence[StepOutcome], number: int) -> StepOutcome | None:
    if number > step.retries or ctx.stop.asked.is_set():
        return None
    return next((one for one in outcomes if one.outcome is Outcome.FAILED), None)


def _wait(ctx: SiteContext, step: Step, outcome: StepOutcome, number: int) -> bool:
    """Emit that another try follows, and wait; False if the run was cancelled."""
    seconds = min(2.0 ** (number - 1), _LONGEST)
    ctx.journal.step_retried(step.id, outcome, number=number, of=step.retries + 1, seconds=seconds)
    ctx.journal.progress(step.id, Phase.WAITING)
    return not ctx.stop.asked.wait(seconds)
