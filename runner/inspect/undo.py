"""Previews of `sitecrew undo`: the order of an undo, and its plan for each site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError, UsageError
from runner.execute import Command
from runner.hosts.boundary import each
from runner.inspect.facts import Probers, read_facts
from runner.inspect.health import prober_of
from runner.inspect.releases import plan_release_undo
from runner.inspect.restore_points import DATABASE, MARK, UndoneRun, changes_of_run
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
from runner.steps.undo import tags_in
from runner.steps.wordpress.database_undo import (
    DatabaseUndo,
    parse_database,
)

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.hosts.remote import Remote
    from runner.record import Ledger

__all__ = ["UndoPreview", "preview_undo", "preview_undos", "undo_order"]

_LIMIT = 120
_AT_ONCE = 10
_READINGS = 4
"""Readings of one site: its facts, its restore points and its database, and one to spare."""


def preview_undos(
    hosts: Hosts, ledger: Ledger, order: Order, sites: Sequence[Site]
) -> Iterator[tuple[Site, UndoPreview | SitecrewError]]:
    """Yield what an undo would do to each site, or the error that prevents it, in the order of the sites."""
    limit = hosts.command_limit(_READINGS * hosts.reading_limit(_LIMIT))
    return each(
        sites,
        lambda site: preview_undo(
            hosts.remote(order.hosts[site.host]), partial(prober_of, hosts), ledger, order, site
        ),
        at_once=_AT_ONCE,
        limit=lambda _: limit,
    )


def undo_order(order: Order, then: Order, undo: UndoOrder) -> Order:
    """Return an order for the same sites that undoes an earlier one.

    Raises:
        UsageError: no step of the earlier order can be undone.
    """
    steps = [step for step in reversed(then.playbook.steps) if _can_be_undone(step)]
    if undo.database:
        kind = registry()["wordpress.database"]
        steps.append(Step(id=DATABASE, kind=kind.name, options=kind.options()))
    if not steps:
        raise UsageError(f"{undo.run} cannot be undone: none of its steps keeps restore points")
    policy = replace(order.policy, undo_database=UndoDatabase.ALWAYS) if undo.database else order.policy
    playbook = Playbook(name="undo", title=f"Undo of {undo.run}", steps=tuple(steps))
    return replace(order, playbook=playbook, policy=policy, undo=undo)


def _can_be_undone(step: Step) -> bool:
    kind = registry()[step.kind]
    return kind.transacts or kind.switches


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What an undo would do to one site."""

    plan: SitePlan
    facts: SiteFacts | None
    """The current facts; None if they could not be read or the site is static."""
    database: DatabaseUndo
    """What restoring the whole database would lose."""


def preview_undo(remote: Remote, probers: Probers, ledger: Ledger, order: Order, site: Site) -> UndoPreview:
    """Read a site and its restore points, and return what an undo would restore.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: the earlier run recorded no plan or facts of the site.
    """
    if site.kind is SiteKind.STATIC:
        return UndoPreview(_releases(remote, ledger, order, site), None, DatabaseUndo())
    undone = UndoneRun.of(ledger, order, site)
    found = read_facts(remote, probers, [site], check_updates=False)[site.name]
    facts = None if isinstance(found, SitecrewError) else found
    limit = remote.limit(_LIMIT)
    tasks = [Command("kept", undone.list_restore_points().text, timeout=limit, policy="go")]
    if undone.database and undone.undo.database:
        tasks.append(Command("count", undone.count_losses().text, timeout=limit, policy="go"))
    records = remote.read(remote.for_site(site, tasks))
    there = tags_in(records["kept"].text)
    lost = parse_database(records["count"].text, MARK) if "count" in records else DatabaseUndo()
    changes = [change for step in order.playbook.steps for change in undone.changes(step, facts, there)]
    if undone.undo.database:
        first = next((change.step for change in changes if change.action is Action.CHANGE), DATABASE)
        newer = [change.item for change in changes if _stays(change)]
        changes.append(undone.database_change(first, there, lost, newer))
    plan = SitePlan(site=site.name, client=site.client, changes=tuple(changes))
    return UndoPreview(plan, facts, lost)


def _releases(remote: Remote, ledger: Ledger, order: Order, site: Site) -> SitePlan:
    """Return the plan of a static site: for each step that released, the release before it."""
    assert order.undo  # noqa: S101  # only called for an undo
    steps = {step.id for step in order.playbook.steps}
    changes = [
        plan_release_undo(
            remote,
            site,
            change.step,
            was=change.from_version,
            then=change.to_version,
            force=order.undo.force,
        )
        for change in changes_of_run(ledger, order.undo, site)
        if change.step in steps and change.kind == ItemKind.RELEASE
    ]
    return SitePlan(site=site.name, client=site.client, changes=tuple(changes))


def _stays(change: Change) -> bool:
    """Whether the item is left at a newer version than before the run."""
    return change.action is Action.HOLD and change.from_version not in {"", change.to_version}
