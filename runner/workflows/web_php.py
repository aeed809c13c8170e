"""What `doctor` says of the web server's PHP: what it keeps from the command line, and what that means."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import Site, SiteFacts
from runner.steps.wordpress.purge import out_of_reach
from runner.steps.wordpress.web_php import settling, unwatched
from runner.workflows.check import Check

__all__ = ["about_web_php"]

_NAMED = 8


def about_web_php(site: Site, facts: SiteFacts) -> Iterator[Check]:
    """Extensions that the command line lacks, caches that it cannot empty, code that stays compiled."""
    if facts.cli_lacks:
        named, more = facts.cli_lacks[:_NAMED], len(facts.cli_lacks) - _NAMED
        shown = ", ".join(named) + (f" and {more} more" if more > 0 else "")
        yield Check(
            about=site.name,
            finding=f"PHP on the command line lacks {shown}, which visitors' PHP has",
            hint="install them for the command line too, or set `php` of the host to another PHP",
        )
    for why in out_of_reach(site, facts):
        yield Check(
            about=site.name,
            finding=f"a cache cannot be emptied from the command line: {why}",
            hint="write a command that empties it to the site: `purge: sudo systemctl reload php8.2-fpm`",
        )
    if why := unwatched(facts):
        told = "its `purge` command has to restart PHP" if site.purge else "changes cannot be checked"
        yield Check(
            about=site.name,
            finding=f"{why}: {told}",
            hint="" if site.purge else "`purge: sudo systemctl reload php8.2-fpm`, or switch that setting",
        )
    elif seconds := settling(facts):
        yield Check(
            about=site.name,
            finding=f"PHP sees after {seconds} s which code is there: each change and rollback waits so long",
            hint="opcache.revalidate_freq=2 is PHP's own default",
        )
