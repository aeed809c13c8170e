"""Caches of a site: cleared after a change and after its rollback, by commands of their own."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Command
from runner.hosts.boundary import within
from runner.steps.wordpress.purge import Purged, out_of_reach, parse_purge, purge_scripts
from runner.steps.wordpress.web_php import settling

if TYPE_CHECKING:
    from typing import Literal

    from runner.apply.context import SiteContext
    from runner.execute import JobRecord
    from runner.model import SiteFacts

__all__ = [
    "AGAIN",
    "FIRST",
    "announce_purge",
    "purge_commands",
    "purge_now",
    "purged_in",
    "unpurged",
    "wait_for_code",
]

_LIMIT = 60
AGAIN = "-again"
"""Suffix of the commands that clear the caches a second time in one job."""
FIRST = "-first"
"""Suffix of the commands that clear them before the host's own check after a rollback."""


def purge_commands(
    ctx: SiteContext,
    mark: str,
    facts: SiteFacts | None,
    *,
    suffix: str = "",
    policy: Literal["go", "always"] = "go",
) -> tuple[Command, ...]:
    """Return the commands that clear the site's caches."""
    limit = ctx.remote.limit(_LIMIT)
    scripts = purge_scripts(ctx.site, ctx.remote.host, mark, facts)
    return ctx.remote.for_site(
        ctx.site,
        (
            Command(name + suffix, script.text, timeout=limit, policy=policy)
            for name, script in scripts.items()
        ),
    )


def wait_for_code(facts: SiteFacts | None, *, name: str = "compiled") -> tuple[Command, ...]:
    """Return the command that waits until the web server's PHP runs the new files, if a wait is needed."""
    seconds = settling(facts)
    return (Command(name, f"sleep {seconds}\n", timeout=2 * seconds, policy="always"),) if seconds else ()


def purged_in(
    ctx: SiteContext, facts: SiteFacts | None, record: JobRecord, commands: tuple[Command, ...], mark: str
) -> Purged:
    """Return which caches a job that has ended cleared; commands that were not started do not count."""
    printed = {
        one.id.removesuffix(AGAIN): (found.text, found.code)
        for one in commands
        if (found := record.commands.get(one.id)) is not None
    }
    return _with_out_of_reach(ctx, facts, parse_purge(printed, mark))


def _with_out_of_reach(ctx: SiteContext, facts: SiteFacts | None, purged: Purged) -> Purged:
    return replace(purged, failed=(*purged.failed, *out_of_reach(ctx.site, facts)))


def purge_now(ctx: SiteContext, facts: SiteFacts | None) -> Purged:
    """Clear the caches outside of any job."""
    mark = secrets.token_hex(16)
    commands = purge_commands(ctx, mark, facts)
    if not commands:
        return _with_out_of_reach(ctx, facts, Purged())
    records = within(lambda: ctx.remote.read(commands))
    if isinstance(records, SitecrewError):
        return Purged(failed=(str(records),))
    purged = parse_purge({name: (one.text, one.code) for name, one in records.items()}, mark)
    return announce_purge(ctx, _with_out_of_reach(ctx, facts, purged))


def announce_purge(ctx: SiteContext, purged: Purged) -> Purged:
    """Emit which caches were cleared and which could not be."""
    if purged.caches or purged.failed:
        failed = [ctx.journal.reason(why) for why in purged.failed]
        ctx.journal.emit("caches.purged", caches=list(purged.caches), failed=failed)
    return purged


def unpurged(purged: Purged) -> str:
    """Return which caches could not be cleared after a change, for its reason; empty for none."""
    return f"caches could not be cleared: {', '.join(purged.failed)}" if purged.failed else ""
