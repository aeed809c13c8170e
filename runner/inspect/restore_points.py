"""The run that is undone, as recorded in the ledger, and scripts that restore its restore points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import HostError, UsageError
from runner.load import thaw, thaw_as
from runner.model import (
    Action,
    Change,
    ItemKind,
    Order,
    Outcome,
    Site,
    SiteFacts,
    SitePlan,
    Step,
    UndoDatabase,
    UndoOrder,
)
from runner.steps import Context, Guard, Script, registry
from runner.steps.undo import kept_tags, put_back, restore_points_of
from runner.steps.versions import compare
from runner.steps.wordpress.database_undo import (
    DatabaseUndo,
    count_database,
    put_back_database,
)
from runner.steps.wordpress.guard import site_check
from runner.steps.wordpress.multisite import upgrade_database
from runner.steps.wordpress.shell import site_script
from runner.steps.wordpress.verdict import on_disk
from runner.units import local

if TYPE_CHECKING:
    from runner.record import ChangeView, Ledger, RestorePointView

__all__ = ["DATABASE", "MARK", "UndoneRun", "changes_of_run", "guard_without_files"]

DATABASE = "database"
"""Id of the step that restores the database. Other steps keep their ids from the earlier run."""
MARK = "sitecrew-undo"
"""The lines that our programs print start with it."""


def changes_of_run(ledger: Ledger, undo: UndoOrder, site: Site) -> tuple[ChangeView, ...]:
    """Return what the run that is undone changed on a site; if it was an undo itself, what it restored."""
    again = thaw(ledger.runs.order_text(undo.run)).undo is not None
    # a failed undo may still have restored files: what is on disk decides
    changed = {Outcome.CHANGED, Outcome.UNDONE, Outcome.FAILED} if again else {Outcome.CHANGED}
    then = ledger.websites.name_in_run(undo.run, site.name)
    (view,) = (one for one in ledger.runs.show(undo.run).sites if one.row.site == then)
    return tuple(c for step in view.steps for c in step.changes if c.outcome in changed)


@dataclass(frozen=True, slots=True)
class UndoneRun:
    """One site in the run that is undone, as recorded in the ledger."""

    undo: UndoOrder
    site: str
    """The site's name in that run, which is also in the paths of its restore points."""
    facts: SiteFacts
    """The facts before that run."""
    plan: SitePlan
    done: frozenset[tuple[str, str]]
    """(step, item) of each change that the run made."""
    points: tuple[RestorePointView, ...]
    """The restore points that have not been removed, newest first."""
    folder: str
    """The folder of the restore points on the host."""
    context: Context

    @classmethod
    def of(cls, ledger: Ledger, order: Order, site: Site) -> UndoneRun:
        """Read from the ledger.

        Raises:
            UsageError: the order is not an undo.
            HostError: the earlier run ended before it changed the site.
        """
        undo = order.undo
        if undo is None:
            raise UsageError("this run is not an undo")
        then = ledger.websites.name_in_run(undo.run, site.name)
        plan, facts = ledger.sites.plan(undo.run, then), ledger.sites.facts(undo.run, then)
        if plan is None or facts is None:
            raise HostError(f"{undo.run} ended before it changed {site.name}")
        done = {(change.step, change.item) for change in changes_of_run(ledger, undo, site)}
        (view,) = (one for one in ledger.runs.show(undo.run).sites if one.row.site == then)
        before = thaw_as(SiteFacts, facts)
        context = Context(
            site=replace(site, name=then), host=order.hosts[site.host], plan=plan, mark=MARK, before=before
        )
        points = tuple(reversed([point for point in view.restore_points if not point.removed]))
        folder = thaw(ledger.runs.order_text(undo.run)).restore_folder
        return cls(undo, then, before, plan, frozenset(done), points, folder, context)

    @property
    def database(self) -> RestorePointView | None:
        """The oldest copy of the database."""
        return next((p for p in reversed(self.points) if p.path.endswith("/database") and p.size), None)

    def tags(self, items: Sequence[str]) -> tuple[str, ...]:
        """Return the restore points that contain any of the items, newest first."""
        return tuple(p.path for p in self.points if "/" not in p.path and set(items) & set(p.items))

    def list_restore_points(self) -> Script:
        """Return a script that lists the restore points that still exist on the host."""
        return kept_tags(self.folder, self.site, self._places, [p.path for p in self.points])

    @property
    def _places(self) -> tuple[str, ...]:
        return (self.facts.content_folder, self.facts.root_folder)

    def count_losses(self) -> Script:
        """Return a script that counts what restoring the whole database would lose."""
        assert self.database  # noqa: S101  # only called if there is a copy
        tag = self.database.path.removesuffix("/database")
        text = count_database(self.context, tag).text
        return Script(text=f"{restore_points_of(self.folder, self.site)}{text}")

    def restore_files(self, step: Step, context: Context) -> Script:
        """Return a script that restores the files that the guards of a step kept in that run."""
        kind, changes = registry()[step.kind], context.plan.changes
        then = replace(self.context, mark=context.mark, plan=context.plan, tag=context.tag)
        tags = self.tags([change.item for change in changes])
        guards = {tag: guard for tag in tags if (guard := kind.guard(step, then, tag))}
        files = put_back(then, self.folder, self._places, guards)
        if not any(c.kind is ItemKind.CORE and compare(c.to_version, c.from_version) > 0 for c in changes):
            return files
        tables = site_script(then.site, then.host, then.mark, upgrade_database(then)).text
        return Script(text=f"(\n{files.text}\n) || exit 1\n{tables}")

    def restore_database(self, context: Context, stages: Sequence[str]) -> Script:
        """Return a script that restores what the run changed in the database, and more if necessary."""
        assert self.database  # noqa: S101  # only planned if there is a copy
        script = put_back_database(
            replace(self.context, mark=context.mark),
            self.database.path.removesuffix("/database"),
            guard=guard_without_files(replace(self.context, mark=context.mark)),
            rule=UndoDatabase.ALWAYS,
            stages=stages,
            look=False,
            later=True,
        )
        return Script(text=f"{restore_points_of(self.folder, self.site)}{script.text}")

    def changes(self, step: Step, now: SiteFacts | None, there: frozenset[str]) -> tuple[Change, ...]:
        """Return the planned changes of a step of the undo, without the database."""
        mine = [change for change in self.plan.of(step.id) if (step.id, change.item) in self.done]
        return tuple(self._change(change, now, there) for change in mine if change.item != DATABASE)

    def _change(self, then: Change, now: SiteFacts | None, there: frozenset[str]) -> Change:
        back = replace(then, from_version=then.to_version, to_version=then.from_version, why="")
        found = on_disk(back, now)[0] if now else back.from_version
        why = ""
        if not there & set(self.tags([then.item])):
            why = "its restore point is no longer on the host"
        elif found is None:
            why = "is no longer installed"
        elif found == back.to_version:
            why = f"is already at {found}" if found else "is no longer installed"
        elif found != back.from_version and not self.undo.force:
            since = f"{found} has been installed" if found else "it has been removed"
            why = f"{since} since; --force restores {back.to_version or 'none'} anyway"
        return replace(back, from_version=found or "", action=Action.HOLD if why else Action.CHANGE, why=why)

    def database_change(
        self, step: str, there: frozenset[str], lost: DatabaseUndo, new: Sequence[str]
    ) -> Change:
        """Return the planned change of the database. It belongs to the first step that restores files."""
        point = self.database
        why = "" if point and point.path in there else "its copy is no longer on the host"
        why = "the run made no copy of it" if point is None else why
        why = why or (f"cannot be restored: {lost.why}" if lost.state == "impossible" else "")
        if new and not why and not self.undo.force:
            stay = ", ".join(new)
            why = f"{stay} would stay, and newer code may fail with older data; --force restores it anyway"
        return Change(
            step=step,
            item=DATABASE,
            kind=ItemKind.DATABASE,
            from_version="now",
            to_version=local(point.created) if point else "",
            action=Action.HOLD if why else Action.CHANGE,
            why=why,
            title="Database",
        )


def guard_without_files(context: Context, tag: str = "") -> Guard:  # noqa: ARG001
    """Return a guard that saves no files and checks the site like other guards."""
    nothing = Script(text=":\n")
    return Guard(save=nothing, undo=nothing, check=site_check(context))
