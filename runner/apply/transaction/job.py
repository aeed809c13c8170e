"""The job of a trial: restore point, changes, reading, waiting for the verdict, keeping or putting back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from runner.apply.jobs import restore_points, site_lock
from runner.apply.transaction.caches import AGAIN, FIRST, purge_commands, wait_for_code
from runner.apply.transaction.database import DatabasePoint
from runner.errors import HostError
from runner.execute import Job
from runner.execute import Task as Command
from runner.model import Step
from runner.plan import sub_sites_to_start
from runner.steps import Context, Script, registry
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
    """What the host is told, and the database's part in it.

    Args:
        ctx: the site.
        step: whose changes they are.
        context: of these changes; its `tag` names their restore point.
        scripts: what to run.
        job: its id.
        log: script that marks the error logs; empty where the changes were made by an earlier job.
        cron_known: whether it is known how WordPress starts for its cron.

    Raises:
        HostError: this cannot be taken back.
    """
    script, guard = scripts.script(context), scripts.guard(context, context.tag)
    if script is None or guard is None:
        raise HostError(f"{step.id} cannot be taken back, and is not begun")
    limit = max(1, int((step.timeout or ctx.order.limits.step).total_seconds()))
    remote = ctx.remote
    reading = remote.limit(_READ)
    read = facts_script(ctx.site, context.host, context.mark, check_updates=False).text
    urls = sub_sites_to_start(context.before, context.plan.changes) if context.before else ()
    cron = cron_start(ctx.site, context.host, context.mark, urls).text
    reread = Command("reread", read, timeout=reading, policy="always")
    again = purge_commands(ctx, context.mark, context.before, suffix=AGAIN, policy="always")
    # where PHP keeps the code of the change until the site's command restarts it, the host would look at that
    stale = unwatched(context.before)
    first = purge_commands(ctx, context.mark, context.before, suffix=FIRST, policy="always") if stale else ()
    database = DatabasePoint(
        ctx=ctx, context=context, tag=context.tag, guard=guard, read=(*again, reread), seconds=limit
    )
    before = [
        Command("log", log, timeout=reading, policy="go"),
        Command("save", guard.save.text, timeout=limit),
        *database.save(),
        *([] if cron_known else [Command("cron-before", cron, timeout=reading, policy="go")]),
        # what did not happen is no reason to take anything back: the reading decides
        Command("change", script.text, timeout=limit, policy="go"),
        # what was left half done does not stay
        *([Command("settle", guard.settle.text, timeout=limit)] if guard.settle else []),
    ]
    plain, secret = remote.environment(ctx.site)
    for_site = partial(remote.for_site, ctx.site)
    tasks = (
        *(before if log else ()),
        *wait_for_code(context.before),
        *purge_commands(ctx, context.mark, context.before),
        Command("read", read, timeout=reading, policy="always"),
        Command("cron", cron, timeout=reading, policy="go"),
    )
    undo = (
        Command("undo", guard.undo.text, timeout=limit),
        *wait_for_code(context.before, name="compiled-again"),
        *first,
        *database.undo(),
        *again,
        reread,
    )
    ordered = Job(
        job,
        for_site(tasks),
        cleanup="\n".join(filter(None, (registry()[step.kind].cleanup(step, context), guard.tidy))),
        wait=WAIT,
        check=guard.check.text,
        check_env=plain,
        check_secret=secret,
        check_limit=remote.limit(_CHECK),
        cleanup_limit=reading,
        keep=for_site((*_optional("keep", guard.keep, limit), *database.keep())),
        undo=for_site(undo),
        undo_on_death=True,
        lock=site_lock(ctx, ctx.site.path),
        restore=restore_points(ctx),
    )
    return ordered, database


def _optional(name: str, script: Script | None, limit: int) -> list[Command]:
    return [Command(name, script.text, timeout=limit, policy="go")] if script else []
