"""Findings about the web server's PHP where it differs from the command line. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import Finding, FindingKind, Severity, Site, SiteFacts
from runner.steps.wordpress.purge import out_of_reach
from runner.steps.wordpress.web_php import settling, unwatched
from runner.untrusted import few

__all__ = ["about_web_php"]

_MAX_NAMES = 8
_PURGE = "purge: sudo systemctl reload php8.2-fpm"


def about_web_php(site: Site, facts: SiteFacts) -> Iterator[Finding]:
    """Yield extensions missing on the command line, caches it cannot empty, and cached code."""
    if facts.cli_lacks:
        shown = few(facts.cli_lacks, _MAX_NAMES)
        yield _info(
            FindingKind.OTHER_EXTENSIONS,
            f"PHP on the command line lacks {shown}, which the web server's PHP has",
            "install them for the command line too, or set `php` of the host to another PHP",
        )
    for why in out_of_reach(site, facts):
        yield _info(
            FindingKind.CACHE_APART,
            f"a cache cannot be emptied from the command line: {why}",
            "add to the site a command that empties it",
            (_PURGE,),
        )
    if why := unwatched(facts):
        effect = "its `purge` command has to restart PHP" if site.purge else "changes cannot be verified"
        remedy = "" if site.purge else "change that setting, or add to the site"
        yield _info(FindingKind.OLD_CODE, f"{why}: {effect}", remedy, () if site.purge else (_PURGE,))
    elif seconds := settling(facts):
        yield _info(
            FindingKind.OLD_CODE,
            f"PHP notices changed code only after {seconds} s: each change and rollback waits that long",
            "PHP's default is opcache.revalidate_freq=2",
        )


def _info(kind: FindingKind, what: str, remedy: str, lines: tuple[str, ...] = ()) -> Finding:
    return Finding(kind=kind, severity=Severity.TELLS, what=what, remedy=remedy, lines=lines)
