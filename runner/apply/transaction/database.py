"""The database's part in a transaction: kept with the files, put back where the old files do not suffice.

The host does it by itself, as far as it can tell. Where the site is unhealthy from outside although its host
finds it well, it is told to go on from where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.apply.jobs import database_number, end_job, restore_points, site_lock
from runner.execute import Job, JobRecord, job_id
from runner.execute import Task as Command
from runner.model import SiteKind, UndoDatabase
from runner.steps import Context, Guard
from runner.steps.wordpress.database_undo import (
    STAGES,
    DatabaseUndo,
    counted,
    mark_database,
    parse_database,
    put_back_database,
    save_database,
)

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["DatabasePoint", "describe_database"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePoint:
    """The restore point of one site's database in one transaction."""

    ctx: SiteContext
    context: Context
    """Its `before` is the site as it was when the point was made."""
    tag: str
    guard: Guard
    read: tuple[Command, ...]
    """What follows whatever is put back: caches emptied, the site read."""
    seconds: int
    """Time limit of each of its tasks."""

    @property
    def rule(self) -> UndoDatabase:
        """When it may be put back; never where there is none."""
        policy = self.ctx.order.policy.undo_database
        return policy if self.ctx.site.kind is SiteKind.WORDPRESS else UndoDatabase.NEVER

    @property
    def path(self) -> str:
        """Where it lies below the site's restore points of the run."""
        return f"{self.tag}/database"

    def save(self) -> tuple[Command, ...]:
        """Before the change."""
        text = "" if self.rule is UndoDatabase.NEVER else save_database(self.context, self.tag).text
        return (Command("save-database", text, timeout=self.seconds),) if text else ()

    def keep(self) -> tuple[Command, ...]:
        """Once the change is kept."""
        text = "" if self.rule is UndoDatabase.NEVER else mark_database(self.context, self.tag).text
        return (Command("mark-database", text, timeout=self.seconds, policy="go"),) if text else ()

    def undo(self) -> tuple[Command, ...]:
        """After the files were put back."""
        return () if self.rule is UndoDatabase.NEVER else (self._command(STAGES, look=True),)

    def undo_in(self, record: JobRecord) -> DatabaseUndo:
        """What a transaction's tasks said."""
        return parse_database(_printed(record), self.context.mark)

    def restore_more(
        self, record: JobRecord, number: int, broken: str, look: Callable[[JobRecord], str]
    ) -> tuple[DatabaseUndo, str]:
        """Put back more and more until `look` finds nothing wrong.

        Args:
            record: of the job in which the host found the site well with what it had put back.
            number: of that job among the site's.
            broken: what is wrong although the host is content.
            look: returns what is wrong after the job that it is given, empty for nothing.

        Returns:
            All that was done, and what is wrong in the end.

        Raises:
            LockedError, LostError, UnreachableError: as a transaction's own job.
        """
        text, found, restoring = _printed(record), self.undo_in(record), 0
        while broken and (stages := _stages_after(found.stage)) and _host_is_satisfied(record):
            restoring += 1
            record = self._restore(database_number(number, restoring), stages)
            text += f"\n{_printed(record)}"
            before, found = found, parse_database(text, self.context.mark)
            broken = look(record)
            if found.stage == before.stage:
                break
        return found, broken

    def _restore(self, number: int, stages: Sequence[str]) -> JobRecord:
        ctx = self.ctx
        job = job_id(ctx.run, ctx.site.name, f"{number}.{ctx.attempt}")
        ordered = Job(
            job,
            ctx.remote.for_site(ctx.site, (self._command(stages, look=False), *self.read)),
            cleanup=self.guard.tidy,
            lock=site_lock(ctx, ctx.site.path),
            restore=restore_points(ctx),
        )
        ctx.journal.job_started(number, job, ordered.span())
        record = ctx.remote.run(ordered)
        end_job(ctx, number, job, record.status)
        return record

    def _command(self, stages: Sequence[str], *, look: bool) -> Command:
        script = put_back_database(
            self.context, self.tag, guard=self.guard, rule=self.rule, stages=stages, look=look
        )
        return Command("database", script.text, timeout=self.seconds, policy="go")


def describe_database(found: DatabaseUndo, rule: UndoDatabase | None, again: str) -> str:
    """What became of the database, for people.

    `rule` is what decided about it, where the site is not well; `again` what to type to put it back all the
    same.
    """
    parts = []
    if found.stage:
        parts.append(f"in the database {found.extent} put back")
    if found.lost:
        parts.append(f"lost with it: {counted(found.lost)}")
    if rule is UndoDatabase.NEVER:
        parts.append("the database was left as it is: policy.undo.database is never")
    elif rule and found.state == "refused":
        asked = "policy.undo.database is ask" if rule is UndoDatabase.ASK else ""
        left = ", and ".join(filter(None, (asked, f"{counted(found.at_risk)} would be lost")))
        parts.append(f"the database was left as it is, since {left}; to put it back: {again}")
    elif rule and found.state == "impossible":
        parts.append(f"the database could not be put back: {found.why}")
    if rule and found.left:
        parts.append(f"not in the copy of the database, for they cannot be read: {', '.join(found.left[:5])}")
    return "; ".join(parts)


def _printed(record: JobRecord) -> str:
    found = (record.tasks.get(name) for name in ("save-database", "database"))
    return "\n".join(one.text for one in found if one)


def _host_is_satisfied(record: JobRecord) -> bool:
    found = record.tasks.get("database")
    return found is not None and found.code == 0


def _stages_after(stage: str) -> tuple[str, ...]:
    return STAGES[STAGES.index(stage) + 1 :] if stage in STAGES else STAGES
