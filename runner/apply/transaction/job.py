"""The job of a trial: restore point, changes, facts, waiting for the verdict, then keep or roll back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.apply.jobs import restore_points, site_lock
from runner.apply.transaction.caches import AGAIN, FIRST, purge_commands, wait_for_code
from runner.apply.transaction.database import DatabasePoint
from runner.errors import HostError
from runner.execute import Command, Job
from runner.model import Step
from runner.plan import sub_sites_to_start
from runner.steps import Context, Guard, Script, registry
from runner.steps.wordpress import facts_script
from runner.steps.wordpress.cron_start import cron_start
from runner.steps.wordpress.web_php import unwatched

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.transaction.trial import ChangeScripts

__all__ = ["trial_job"]

WAIT = 90
"""Seconds of silence after which the host decides by itself."""
_READ = 120
_CHECK = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrialCommands:
    """The commands of a trial's job."""

    ctx: SiteContext
    context: Context
    script: Script
    guard: Guard
    limit: int
    """Time limit of each change, in seconds."""
    cron_known: bool

    @property
    def reading_limit(self) -> int:
        return self.ctx.remote.limit(_READ)

    @property
    def database(self) -> DatabasePoint:
        return DatabasePoint(
            ctx=self.ctx,
            context=self.context,
            tag=self.context.tag,
            guard=self.guard,
            read=(*self._purge(AGAIN), self._read("reread")),
            seconds=self.limit,
        )

    def change(self, log: str) -> tuple[Command, ...]:
        """Return what marks the error logs, creates the restore point and makes the changes."""
        settle = self.guard.settle
        return (
            Command("log", log, timeout=self.reading_limit, policy="go"),
            Command("save", self.guard.save.text, timeout=self.limit),
            *self.database.save(),
            *(() if self.cron_known else (self._cron("cron-before"),)),
            # a change that did not happen is no reason to roll back: the facts decide
            Command("change", self.script.text, timeout=self.limit, policy="go"),
            # restores what a change left unfinished
            *((Command("settle", settle.text, timeout=self.limit),) if settle else ()),
        )

    def read(self) -> tuple[Command, ...]:
        """Return what clears the caches and reads the site after the changes."""
        before, mark = self.context.before, self.context.mark
        return (
            *wait_for_code(before),
            *purge_commands(self.ctx, mark, before),
            self._read("read"),
            self._cron("cron"),
        )

    def keep(self) -> tuple[Command, ...]:
        """Return what follows changes that are kept."""
        keep = self.guard.keep
        own = (Command("keep", keep.text, timeout=self.limit, policy="go"),) if keep else ()
        return (*own, *self.database.keep())

    def undo(self) -> tuple[Command, ...]:
        """Return what rolls the changes back and reads the site again."""
        before = self.context.before
        # if PHP runs the change's code until the site's purge command restarts it, purge before the check
        first = self._purge(FIRST) if unwatched(before) else ()
        return (
            Command("undo", self.guard.undo.text, timeout=self.limit),
            *wait_for_code(before, name="compiled-again"),
            *first,
            *self.database.undo(),
            *self._purge(AGAIN),
            self._read("reread"),
        )

    def _purge(self, suffix: str) -> tuple[Command, ...]:
        mark, before = self.context.mark, self.context.before
        return purge_commands(self.ctx, mark, before, suffix=suffix, policy="always")

    def _read(self, name: str) -> Command:
        text = facts_script(self.ctx.site, self.context.host, self.context.mark, check_updates=False).text
        return Command(name, text, timeout=self.reading_limit, policy="always")

    def _cron(self, name: str) -> Command:
        before = self.context.before
        urls = sub_sites_to_start(before, self.context.plan.changes) if before else ()
        text = cron_start(self.ctx.site, self.context.host, self.context.mark, urls).text
        return Command(name, text, timeout=self.reading_limit, policy="go")


def trial_job(
    ctx: SiteContext,
    step: Step,
    context: Context,
    scripts: ChangeScripts,
    *,
    job: str,
    log: str,
    cron_known: bool,
) -> tuple[Job, DatabasePoint]:
    """Return the job, and the database's part in it.

    Args:
        ctx: the site.
        step: the step that the changes belong to.
        context: their context; its `tag` is the id of their restore point.
        scripts: the scripts to run.
        job: id of the job.
        log: script that marks the error logs; empty if an earlier job made the changes.
        cron_known: whether it is already known if WordPress starts for its cron.

    Raises:
        HostError: the changes cannot be rolled back.
    """
    script, guard = scripts.script(context), scripts.guard(context, context.tag)
    if script is None or guard is None:
        raise HostError(f"{step.id} cannot be rolled back; not started")
    limit = max(1, int((step.timeout or ctx.order.limits.step).total_seconds()))
    commands = _TrialCommands(
        ctx=ctx, context=context, script=script, guard=guard, limit=limit, cron_known=cron_known
    )
    plain, secret = ctx.remote.environment(ctx.site)
    ordered = Job(
        job,
        ctx.remote.for_site(ctx.site, (*(commands.change(log) if log else ()), *commands.read())),
        cleanup="\n".join(filter(None, (registry()[step.kind].cleanup(step, context), guard.tidy))),
        wait=WAIT,
        check=guard.check.text,
        check_env=plain,
        check_secret=secret,
        check_limit=ctx.remote.limit(_CHECK),
        cleanup_limit=commands.reading_limit,
        keep=ctx.remote.for_site(ctx.site, commands.keep()),
        undo=ctx.remote.for_site(ctx.site, commands.undo()),
        undo_on_death=True,
        lock=site_lock(ctx, ctx.site.path),
        restore=restore_points(ctx),
    )
    return ordered, commands.database
