"""What an undo would do: its order, and the plan for each site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError, UsageError
from runner.execute import Task as Command
from runner.hosts.boundary import each
from runner.inspect.facts import Probers, read_facts
from runner.inspect.health import prober_of
from runner.inspect.releases import recallable
from runner.inspect.restore_points import DATABASE, MARK, Past, changed_then
from runner.model import (
    Action,
    Change,
    ItemKind,
    Order,
    Playbook,
    Site,
    SiteFacts,
    SiteKind,
    SitePlan,
    Step,
    UndoDatabase,
    UndoOrder,
)
from runner.steps import registry
from runner.steps.static import ReleaseOptions
from runner.steps.undo import tags_in
from runner.steps.wordpress.database_undo import (
    DatabaseUndo,
    parse_database,
)

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.hosts.remote import Remote
    from runner.record import Ledger

__all__ = ["Foreseen", "foresee_undo", "foresee_undos", "undo_order"]

_LIMIT = 120
_AT_ONCE = 10
_READINGS = 4
"""Of a site for an undo: its facts, its restore points, its database; and one to spare."""


def foresee_undos(
    hosts: Hosts, ledger: Ledger, order: Order, sites: Sequence[Site]
) -> Iterator[tuple[Site, Foreseen | SitecrewError]]:
    """What an undo would do to each site, or why it would do nothing, in their order."""
    limit = hosts.command_limit(_READINGS * hosts.reading_limit(_LIMIT))
    return each(
        sites,
        lambda site: foresee_undo(
            hosts.remote(order.hosts[site.host]), partial(prober_of, hosts), ledger, order, site
        ),
        at_once=_AT_ONCE,
        limit=lambda _: limit,
    )


def undo_order(order: Order, then: Order, undo: UndoOrder) -> Order:
    """An order for the same sites that puts back what was ordered then."""
    steps = [step for step in reversed(then.playbook.steps) if _goes_back(step)]
    if undo.database:
        kind = registry()["wordpress.database"]
        steps.append(Step(id=DATABASE, kind=kind.name, options=kind.options()))
    if not steps:
        raise UsageError(f"nothing of {undo.run} can be put back: no step of it keeps restore points")
    policy = replace(order.policy, undo_database=UndoDatabase.ALWAYS) if undo.database else order.policy
    playbook = Playbook(name="undo", title=f"Undo of {undo.run}", steps=tuple(steps))
    return replace(order, playbook=playbook, policy=policy, undo=undo)


def _goes_back(step: Step) -> bool:
    return registry()[step.kind].transacts or isinstance(step.options, ReleaseOptions)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an undo would do to one site."""

    plan: SitePlan
    facts: SiteFacts | None
    """WordPress now; None where it could not be read, or where there is none."""
    database: DatabaseUndo
    """What putting all of the database back would lose."""


def foresee_undo(remote: Remote, probers: Probers, ledger: Ledger, order: Order, site: Site) -> Foreseen:
    """Read the site and its restore points, and say what would be put back.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: what the site was before is not on record.
    """
    if site.kind is SiteKind.STATIC:
        return Foreseen(_releases(remote, ledger, order, site), None, DatabaseUndo())
    past = Past.of(ledger, order, site)
    found = read_facts(remote, probers, [site], check_updates=False)[site.name]
    facts = None if isinstance(found, SitecrewError) else found
    limit = remote.limit(_LIMIT)
    tasks = [Command("kept", past.kept().text, timeout=limit, policy="go")]
    if past.database and past.undo.database:
        tasks.append(Command("count", past.count().text, timeout=limit, policy="go"))
    records = remote.read(remote.for_site(site, tasks))
    there = tags_in(records["kept"].text)
    lost = parse_database(records["count"].text, MARK) if "count" in records else DatabaseUndo()
    changes = [change for step in order.playbook.steps for change in past.changes(step, facts, there)]
    if past.undo.database:
        first = next((change.step for change in changes if change.action is Action.CHANGE), DATABASE)
        changes.append(past.database_change(first, there, lost, [c.item for c in changes if _stays(c)]))
    plan = SitePlan(site=site.name, client=site.client, changes=tuple(changes))
    return Foreseen(plan, facts, lost)


def _releases(remote: Remote, ledger: Ledger, order: Order, site: Site) -> SitePlan:
    """The release before that run, for the step that took its place."""
    assert order.undo  # noqa: S101  # asked for only then
    steps = {step.id for step in order.playbook.steps}
    changes = [
        recallable(
            remote,
            site,
            change.step,
            was=change.from_version,
            then=change.to_version,
            force=order.undo.force,
        )
        for change in changed_then(ledger, order.undo, site)
        if change.step in steps and change.kind == ItemKind.RELEASE
    ]
    return SitePlan(site=site.name, client=site.client, changes=tuple(changes))


def _stays(change: Change) -> bool:
    """Whether an item is newer than it was and is left so."""
    return change.action is Action.HOLD and change.from_version not in {"", change.to_version}
