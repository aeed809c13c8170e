"""An earlier release of a site, which still lies on the host, to be switched to again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import NoShellError, UsageError
from runner.model import Action, Change, ChangeOutcome, ItemKind, Outcome, Step, StepOutcome
from runner.steps.static.layout import Layout, SwitchOrder
from runner.workflows.sending.release import look

if TYPE_CHECKING:
    from runner.execute import Endpoint
    from runner.model import Site
    from runner.workflows.hosts import Hosts
    from runner.workflows.site import Task

__all__ = ["recall", "recallable"]


def recallable(
    hosts: Hosts, endpoint: Endpoint, site: Site, step: str, *, was: str, then: str, force: bool
) -> Change:
    """What is planned where `then` took the place of `was`: the way back, or why there is none."""
    found, why = "", ""
    try:
        standing = look(hosts, endpoint, Layout.of(site.path))
        found = standing.release
        if not was:
            why = "nothing was online before it"
        elif found == was:
            why = f"{was} is online already"
        elif was not in standing.releases:
            why = "the release before is no longer on the host"
        elif found != then and not force:
            why = f"{found or 'something else'} is online by now; --force puts {was} back all the same"
    except NoShellError:
        why = "over sftp alone nothing is switched back later; release the files of that day again"
    return Change(
        step=step,
        item="release",
        kind=ItemKind.RELEASE,
        from_version=found,
        to_version=was,
        action=Action.HOLD if why else Action.CHANGE,
        why=why,
    )


def recall(task: Task, step: Step) -> SwitchOrder | StepOutcome:
    """Make the planned release ready to be switched to; an outcome where that was not planned.

    Raises:
        UsageError: the site has been changed since it was planned.
        UnreachableError: (and kin) the host cannot be reached.
    """
    pending = task.plan.pending(step.id)
    if not pending:
        held = tuple(ChangeOutcome.of(change, Outcome.HELD, change.why) for change in task.plan.of(step.id))
        why = held[0].why if held else ""
        return StepOutcome(step=step.id, outcome=Outcome.HELD if held else Outcome.OK, why=why, changes=held)
    (change,) = pending
    host = task.order.hosts[task.site.host]
    standing = look(task.session.hosts, task.session.hosts.endpoint(host), Layout.of(task.site.path))
    if standing.release != change.from_version:
        raise UsageError(
            f"{standing.release or 'something else'} is online by now, not {change.from_version}"
        )
    return SwitchOrder(name=change.to_version, standing=standing)
