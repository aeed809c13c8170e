"""What is told of the web server's PHP: what it keeps from the command line, and what that means. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import Finding, FindingKind, Severity, Site, SiteFacts
from runner.steps.wordpress.purge import out_of_reach
from runner.steps.wordpress.web_php import settling, unwatched

__all__ = ["about_web_php"]

_NAMED = 8
_PURGE = "purge: sudo systemctl reload php8.2-fpm"


def about_web_php(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """Extensions that the command line lacks, caches that it cannot empty, code that stays compiled."""
    if facts.cli_lacks:
        named, more = facts.cli_lacks[:_NAMED], len(facts.cli_lacks) - _NAMED
        shown = ", ".join(named) + (f" and {more} more" if more > 0 else "")
        yield _told(
            FindingKind.OTHER_EXTENSIONS,
            f"PHP on the command line lacks {shown}, which visitors' PHP has",
            "install them for the command line too, or set `php` of the host to another PHP",
        )
    for why in out_of_reach(site, facts):
        yield _told(
            FindingKind.CACHE_APART,
            f"a cache cannot be emptied from the command line: {why}",
            "write a command that empties it to the site",
            (_PURGE,),
        )
    if why := unwatched(facts):
        told = "its `purge` command has to restart PHP" if site.purge else "changes cannot be checked"
        remedy = "" if site.purge else "switch that setting, or write to the site"
        yield _told(FindingKind.OLD_CODE, f"{why}: {told}", remedy, () if site.purge else (_PURGE,))
    elif seconds := settling(facts):
        yield _told(
            FindingKind.OLD_CODE,
            f"PHP sees after {seconds} s which code is there: each change and rollback waits so long",
            "opcache.revalidate_freq=2 is PHP's own default",
        )


def _told(kind: FindingKind, what: str, remedy: str, lines: tuple[str, ...] = ()) -> Finding:
    return Finding(kind=kind, severity=Severity.TELLS, what=what, remedy=remedy, lines=lines)
