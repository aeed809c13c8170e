"""An earlier release of a site, which still lies on the host, to be switched to again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.inspect.releases import read_release_state
from runner.model import ChangeOutcome, Outcome, Step, StepOutcome
from runner.steps.static.layout import Layout, SwitchOrder

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["recall"]


def recall(ctx: SiteContext, step: Step) -> SwitchOrder | StepOutcome:
    """Make the planned release ready to be switched to; an outcome where that was not planned.

    Raises:
        UsageError: the site has been changed since it was planned.
        UnreachableError: (and kin) the host cannot be reached.
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
            f"{standing.release or 'something else'} is online by now, not {change.from_version}"
        )
    return SwitchOrder(name=change.to_version, standing=standing)
