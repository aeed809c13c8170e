"""The verdict on changes, while their job waits for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.apply.probe import check_site, compare_with_baseline, find_slower_page
from runner.errors import SitecrewError
from runner.hosts.boundary import within
from runner.inspect.facts import reread
from runner.inspect.host_side import fatal_error_on_host
from runner.model import SiteKind, Slower
from runner.steps.wordpress.regressions import damage, half_done

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.transaction.error_log import ErrorLog
    from runner.apply.transaction.output import JobOutput
    from runner.apply.transaction.trial import SiteBaseline
    from runner.execute import Verdict
    from runner.verify import Signals

__all__ = ["Judgement", "judge_changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether changes are kept, and why not."""

    why: str = ""
    """The damage that the changes did; empty if they are kept."""
    slower: str = ""
    """Which page is clearly slower than before; empty for none."""
    cause: str = ""
    """The PHP error that broke the site, if it is known."""
    after: Signals | None = None
    """Results of the health check; None if none was made."""

    @property
    def verdict(self) -> Verdict:
        """The verdict for the host."""
        return "undo" if self.why else "keep"


def judge_changes(
    ctx: SiteContext, before: SiteBaseline, output: JobOutput, log: ErrorLog, *, fresh: bool
) -> Judgement:
    """Judge by what the host read, then by a health check, then by the error log.

    Changes that cannot be judged are not kept.

    Args:
        ctx: the site.
        before: the baseline, which the changes must not make worse.
        output: the output of the job so far.
        log: the site's error logs, marked before the changes.
        fresh: whether this job made the changes itself, rather than an earlier one.
    """
    found = within(lambda: _judge(ctx, before, output, log, fresh=fresh))
    if isinstance(found, SitecrewError):
        return Judgement(why=f"could not be judged: {found}")
    return found


def _judge(
    ctx: SiteContext, before: SiteBaseline, output: JobOutput, log: ErrorLog, *, fresh: bool
) -> Judgement:
    if fresh:
        log.mark_start(output.printed("log"))
    facts, problem = output.facts()
    half = half_done(before.facts, facts, output.printed("change"), output.nonce)
    why = damage(before.facts, facts, problem) or half or output.cron_died()
    after = None
    if not why:
        after, why = compare_with_baseline(ctx, before.seen, "after")
    if not why:
        why = _damage_by_requests(ctx, before)
    if why:
        cause = _cause(ctx, before, log)
        more = f"; PHP's error: {cause}" if cause and cause not in why else ""
        return Judgement(why=why + more, cause=cause, after=after)
    if fresh and (why := log.find_new_error(lambda: check_site(ctx))):
        return Judgement(why=why, after=after)
    return _with_pace(ctx, before, Judgement(after=after))


def _with_pace(ctx: SiteContext, before: SiteBaseline, found: Judgement) -> Judgement:
    """Return the judgement with the page that became slower; the policy may roll back because of it."""
    slower = find_slower_page(ctx, before.seen, found.after) if found.after is not None else ""
    rolls_back = ctx.order.policy.slower is Slower.ROLL_BACK
    return replace(found, slower=slower, why=slower if rolls_back else "")


def _damage_by_requests(ctx: SiteContext, before: SiteBaseline) -> str:
    """Return the damage that the new code did during requests; empty if the host cannot be read now."""
    found = within(lambda: reread(ctx.remote, ctx.prober, ctx.site))
    return "" if isinstance(found, SitecrewError) else damage(before.facts, found)


def _cause(ctx: SiteContext, before: SiteBaseline, log: ErrorLog) -> str:
    """Return the PHP error in the site's logs or on its host; empty if there is none."""
    if ctx.site.kind is not SiteKind.WORDPRESS:
        return ""
    return log.cause() or fatal_error_on_host(ctx.remote, ctx.site, before.facts)
