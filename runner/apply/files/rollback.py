"""Undo of a release: switch to the earlier one, which is still on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.inspect.releases import read_release_state
from runner.model import ChangeOutcome, Outcome, Step, StepOutcome
from runner.steps.static.layout import Layout, SwitchOrder

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["roll_back_release"]


def roll_back_release(ctx: SiteContext, step: Step) -> SwitchOrder | StepOutcome:
    """Return what the job needs to switch to the planned release; the step's outcome if none is planned.

    Raises:
        UsageError: another release is online than when the undo was planned.
        UnreachableError: the host cannot be reached.
    """
    pending = ctx.plan.pending(step.id)
    if not pending:
        held = tuple(ChangeOutcome.of(change, Outcome.HELD, change.why) for change in ctx.plan.of(step.id))
        why = held[0].why if held else ""
        return StepOutcome(step=step.id, outcome=Outcome.HELD if held else Outcome.OK, why=why, changes=held)
    (change,) = pending
    standing = read_release_state(ctx.remote, Layout.of(ctx.site.path))
    if standing.release != change.from_version:
        raise UsageError(
            f"{standing.release or 'something else'} is online now, not {change.from_version} as planned"
        )
    return SwitchOrder(name=change.to_version, standing=standing)
