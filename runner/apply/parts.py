"""The parts of a site's plan, and the function that runs each kind of part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from runner.apply.backup import back_up
from runner.apply.build import build_site
from runner.apply.files.upload import upload_files
from runner.apply.packages import update_packages
from runner.apply.probe import probe
from runner.apply.retry import Try, run_with_retries
from runner.apply.segment import run_segment
from runner.apply.transaction.batch import apply_changes
from runner.apply.undo import undo_step
from runner.model import SiteFacts, Step, StepOutcome
from runner.plan import Barrier, Segment
from runner.steps import Where, registry

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["Part", "PartResult", "needs_exclusive_host", "run_part", "steps_of"]

Part: TypeAlias = Segment | Barrier


@dataclass(frozen=True, slots=True)
class PartResult:
    """The result of a part."""

    outcomes: tuple[StepOutcome, ...]
    facts: SiteFacts | None
    """The facts that were read last."""


def steps_of(part: Part) -> tuple[Step, ...]:
    """Return the steps of a part."""
    return part.steps if isinstance(part, Segment) else (part.step,)


def needs_exclusive_host(part: Part) -> bool:
    """Whether nothing else may run on the host while the part runs."""
    return isinstance(part, Barrier) and part.where is Where.SYSTEM


def run_part(ctx: SiteContext, part: Part, steps: Sequence[Step]) -> PartResult:
    """Run a part of the plan and record the outcomes of its steps.

    Args:
        ctx: the site.
        part: to run.
        steps: its steps without a recorded outcome.

    Raises:
        LockedError: another run works on the site.
        LostError: how a job ended is unknown.
        UnreachableError: the host cannot be reached; nothing of the part was started.
    """
    if isinstance(part, Barrier):
        return PartResult(_BARRIERS[part.where](ctx, part), ctx.facts)
    if ctx.order.undo:
        return PartResult(*undo_step(ctx, part))
    if registry()[steps[0].kind].transacts:
        return PartResult(*apply_changes(ctx, part))
    return PartResult(run_segment(ctx, part, steps), ctx.facts)


def _here(
    run: Callable[[SiteContext, Step], StepOutcome], ctx: SiteContext, part: Barrier
) -> tuple[StepOutcome, ...]:
    """Run a step that needs no job on the host."""
    ctx.journal.step_started(part.step.id)
    return run_with_retries(ctx, part.step, lambda _: Try((run(ctx, part.step),), ctx.journal.steps_finished))


_BARRIERS: Mapping[Where, Callable[[SiteContext, Barrier], tuple[StepOutcome, ...]]] = {
    Where.STREAM: partial(_here, back_up),
    Where.OUTSIDE: partial(_here, probe),
    Where.CONTROLLER: partial(_here, build_site),
    Where.UPLOAD: upload_files,
    Where.SYSTEM: update_packages,
}
