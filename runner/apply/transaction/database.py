"""The database's part in a transaction: copied with the files, restored if the old files do not suffice.

The host restores as much as its own check asks for. If the site is unhealthy from outside although that check
passes, the controller has it restore the next stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.apply.jobs import database_number, end_job, restore_points, site_lock
from runner.execute import Command, Job, JobRecord, job_id
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
    """Its `before` is the site at the time of the restore point."""
    tag: str
    guard: Guard
    read: tuple[Command, ...]
    """Commands after each restored stage: clear the caches, read the site."""
    seconds: int
    """Time limit of each of its commands."""

    @property
    def rule(self) -> UndoDatabase:
        """When the database may be restored; never if the site has none."""
        policy = self.ctx.order.policy.undo_database
        return policy if self.ctx.site.kind is SiteKind.WORDPRESS else UndoDatabase.NEVER

    @property
    def path(self) -> str:
        """Path of the copy below the site's restore points of the run."""
        return f"{self.tag}/database"

    def save(self) -> tuple[Command, ...]:
        """Return the commands before the change."""
        text = "" if self.rule is UndoDatabase.NEVER else save_database(self.context, self.tag).text
        return (Command("save-database", text, timeout=self.seconds),) if text else ()

    def keep(self) -> tuple[Command, ...]:
        """Return the commands after a change that is kept."""
        text = "" if self.rule is UndoDatabase.NEVER else mark_database(self.context, self.tag).text
        return (Command("mark-database", text, timeout=self.seconds, policy="go"),) if text else ()

    def undo(self) -> tuple[Command, ...]:
        """Return the commands after the files were restored."""
        return () if self.rule is UndoDatabase.NEVER else (self._command(STAGES, check=True),)

    def undo_in(self, record: JobRecord) -> DatabaseUndo:
        """Return what a job saved and restored of the database."""
        return parse_database(_printed(record), self.context.mark)

    def restore_more(
        self, record: JobRecord, number: int, broken: str, check: Callable[[JobRecord], str]
    ) -> tuple[DatabaseUndo, str]:
        """Restore stage after stage until the check passes.

        Args:
            record: record of the job after which the host's own check passed.
            number: number of that job.
            broken: what is wrong from outside.
            check: returns what is wrong after the job with this record; empty for nothing.

        Returns:
            What was restored in all, and what is still wrong.

        Raises:
            LockedError, LostError, UnreachableError: as a transaction's own job.
        """
        text, found, restoring = _printed(record), self.undo_in(record), 0
        while broken and (stages := _stages_after(found.stage)) and _host_is_satisfied(record):
            restoring += 1
            record = self._restore(database_number(number, restoring), stages)
            text += f"\n{_printed(record)}"
            before, found = found, parse_database(text, self.context.mark)
            broken = check(record)
            if found.stage == before.stage:
                break
        return found, broken

    def _restore(self, number: int, stages: Sequence[str]) -> JobRecord:
        ctx = self.ctx
        job = job_id(ctx.run, ctx.site.name, f"{number}.{ctx.attempt}")
        ordered = Job(
            job,
            ctx.remote.for_site(ctx.site, (self._command(stages, check=False), *self.read)),
            cleanup=self.guard.tidy,
            lock=site_lock(ctx, ctx.site.path),
            restore=restore_points(ctx),
        )
        ctx.journal.job_started(number, job, ordered.span())
        record = ctx.remote.run(ordered)
        end_job(ctx, number, job, record.status)
        return record

    def _command(self, stages: Sequence[str], *, check: bool) -> Command:
        script = put_back_database(
            self.context, self.tag, guard=self.guard, rule=self.rule, stages=stages, look=check
        )
        return Command("database", script.text, timeout=self.seconds, policy="go")


def describe_database(found: DatabaseUndo, rule: UndoDatabase | None, again: str) -> str:
    """Describe what was restored of the database, and why no more was.

    Args:
        found: what the host reported.
        rule: the policy that decided; None if the site is healthy.
        again: the command that restores it regardless.
    """
    parts = []
    if found.stage:
        parts.append(f"in the database {found.extent} restored")
    if found.lost:
        parts.append(f"lost with it: {counted(found.lost)}")
    if rule is UndoDatabase.NEVER:
        parts.append("the database was not restored: policy.undo.database is never")
    elif rule and found.state == "refused":
        asked = "policy.undo.database is ask" if rule is UndoDatabase.ASK else ""
        left = ", and ".join(filter(None, (asked, f"{counted(found.at_risk)} would be lost")))
        parts.append(f"the database was not restored: {left}; to restore it: {again}")
    elif rule and found.state == "impossible":
        parts.append(f"the database could not be restored: {found.why}")
    if rule and found.left:
        parts.append(f"not in the copy of the database (unreadable): {', '.join(found.left[:5])}")
    return "; ".join(parts)


def _printed(record: JobRecord) -> str:
    found = (record.commands.get(name) for name in ("save-database", "database"))
    return "\n".join(one.text for one in found if one)


def _host_is_satisfied(record: JobRecord) -> bool:
    found = record.commands.get("database")
    return found is not None and found.code == 0


def _stages_after(stage: str) -> tuple[str, ...]:
    return STAGES[STAGES.index(stage) + 1 :] if stage in STAGES else STAGES
