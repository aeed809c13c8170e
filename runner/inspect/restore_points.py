"""What the ledger knows of the run that is put back, and how its restore points are brought in again."""

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

if TYPE_CHECKING:
    from runner.record import ChangeView, Ledger, RestorePointView

__all__ = ["DATABASE", "MARK", "Past", "changed_then", "no_files"]

DATABASE = "database"
"""Id of the step that puts back the database; those of other steps are the earlier run's."""
MARK = "sitecrew-undo"
"""Begins our programs' lines."""


def changed_then(ledger: Ledger, undo: UndoOrder, site: Site) -> tuple[ChangeView, ...]:
    """What the run that is put back changed on a site; of an undo, what it put back."""
    again = thaw(ledger.order_text(undo.run)).undo is not None
    # an undo that failed may have put files back all the same: what is on disk decides
    changed = {Outcome.CHANGED, Outcome.UNDONE, Outcome.FAILED} if again else {Outcome.CHANGED}
    then = ledger.name_then(undo.run, site.name)
    (view,) = (one for one in ledger.show(undo.run).sites if one.row.site == then)
    return tuple(c for step in view.steps for c in step.changes if c.outcome in changed)


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger knows of one site in the run that is put back."""

    undo: UndoOrder
    site: str
    """Its name in that run, which its restore points have."""
    facts: SiteFacts
    """Before that run."""
    plan: SitePlan
    done: frozenset[tuple[str, str]]
    """Steps and items that it changed."""
    points: tuple[RestorePointView, ...]
    """Newest first."""
    folder: str
    """Of its restore points on the host."""
    context: Context

    @classmethod
    def of(cls, ledger: Ledger, order: Order, site: Site) -> Past:
        """Read from the ledger.

        Raises:
            HostError: the earlier run did not come as far as to change the site.
        """
        undo = order.undo
        if undo is None:
            raise UsageError("this run puts nothing back")
        then = ledger.name_then(undo.run, site.name)
        plan, facts = ledger.plan_of(undo.run, then), ledger.facts_of(undo.run, then)
        if plan is None or facts is None:
            raise HostError(f"{undo.run} did not come as far as to change {site.name}")
        done = {(change.step, change.item) for change in changed_then(ledger, undo, site)}
        (view,) = (one for one in ledger.show(undo.run).sites if one.row.site == then)
        before = thaw_as(SiteFacts, facts)
        context = Context(
            site=replace(site, name=then), host=order.hosts[site.host], plan=plan, mark=MARK, before=before
        )
        points = tuple(reversed([point for point in view.restore_points if not point.removed]))
        folder = thaw(ledger.order_text(undo.run)).restore_folder
        return cls(undo, then, before, plan, frozenset(done), points, folder, context)

    @property
    def database(self) -> RestorePointView | None:
        """The oldest copy of the database."""
        return next((p for p in reversed(self.points) if p.path.endswith("/database") and p.size), None)

    def tags(self, items: Sequence[str]) -> tuple[str, ...]:
        """Restore points that hold some of the items, newest first."""
        return tuple(p.path for p in self.points if "/" not in p.path and set(items) & set(p.items))

    def kept(self) -> Script:
        """Says which restore points are still there."""
        return kept_tags(self.folder, self.site, self._places, [p.path for p in self.points])

    @property
    def _places(self) -> tuple[str, ...]:
        return (self.facts.content_folder, self.facts.root_folder)

    def count(self) -> Script:
        """Says what putting all of the database back would lose."""
        assert self.database  # noqa: S101  # asked for only then
        tag = self.database.path.removesuffix("/database")
        text = count_database(self.context, tag).text
        return Script(text=f"{restore_points_of(self.folder, self.site)}{text}")

    def put_files_back(self, step: Step, context: Context) -> Script:
        """What the step's guards kept then."""
        kind, changes = registry()[step.kind], context.plan.changes
        then = replace(self.context, mark=context.mark, plan=context.plan, tag=context.tag)
        tags = self.tags([change.item for change in changes])
        guards = {tag: guard for tag in tags if (guard := kind.guard(step, then, tag))}
        files = put_back(then, self.folder, self._places, guards)
        if not any(c.kind is ItemKind.CORE and compare(c.to_version, c.from_version) > 0 for c in changes):
            return files
        tables = site_script(then.site, then.host, then.mark, upgrade_database(then)).text
        return Script(text=f"(\n{files.text}\n) || exit 1\n{tables}")

    def put_database_back(self, context: Context, stages: Sequence[str]) -> Script:
        """As it was before that run: what the run has touched, and more where that does not suffice."""
        assert self.database  # noqa: S101  # planned only then
        script = put_back_database(
            replace(self.context, mark=context.mark),
            self.database.path.removesuffix("/database"),
            guard=no_files(replace(self.context, mark=context.mark)),
            rule=UndoDatabase.ALWAYS,
            stages=stages,
            look=False,
            later=True,
        )
        return Script(text=f"{restore_points_of(self.folder, self.site)}{script.text}")

    def changes(self, step: Step, now: SiteFacts | None, there: frozenset[str]) -> tuple[Change, ...]:
        """What is planned for a step of the undo, but for the database."""
        mine = [change for change in self.plan.of(step.id) if (step.id, change.item) in self.done]
        return tuple(self._change(change, now, there) for change in mine if change.item != DATABASE)

    def _change(self, then: Change, now: SiteFacts | None, there: frozenset[str]) -> Change:
        back = replace(then, from_version=then.to_version, to_version=then.from_version, why="")
        found = on_disk(back, now)[0] if now else back.from_version
        why = ""
        if not there & set(self.tags([then.item])):
            why = "its restore point is no longer on the host"
        elif found is None:
            why = "is not installed any more"
        elif found == back.to_version:
            why = f"is at {found} already" if found else "is not installed any more"
        elif found != back.from_version and not self.undo.force:
            since = f"{found} has been installed" if found else "it was removed"
            why = f"{since} since; --force puts {back.to_version or 'none'} back all the same"
        return replace(back, from_version=found or "", action=Action.HOLD if why else Action.CHANGE, why=why)

    def database_change(
        self, step: str, there: frozenset[str], lost: DatabaseUndo, new: Sequence[str]
    ) -> Change:
        """The database goes back with the first step that puts files back, or by itself."""
        point = self.database
        why = "" if point and point.path in there else "its copy is no longer on the host"
        why = "no copy of it was made in that run" if point is None else why
        why = why or (f"cannot be put back: {lost.why}" if lost.state == "impossible" else "")
        if new and not why and not self.undo.force:
            stay = ", ".join(new)
            why = f"{stay} would stay, and newer code may not work with older data; --force puts it back"
        return Change(
            step=step,
            item=DATABASE,
            kind=ItemKind.DATABASE,
            from_version="now",
            to_version=f"{point.created:%Y-%m-%d %H:%M}" if point else "",
            action=Action.HOLD if why else Action.CHANGE,
            why=why,
            title="Database",
        )


def no_files(context: Context, tag: str = "") -> Guard:  # noqa: ARG001
    """A guard that keeps no files, and looks as the others do."""
    nothing = Script(text=":\n")
    return Guard(save=nothing, undo=nothing, check=site_check(context))
