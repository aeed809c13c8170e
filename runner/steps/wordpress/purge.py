"""Purge the caches of a site: known ones by their own interfaces, others by the site's `purge` command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.model import Host, Site, SiteFacts, SiteKind
from runner.shell import word
from runner.steps.base import Script
from runner.steps.wordpress.program_output import marked, texts
from runner.steps.wordpress.shell import program, site_script
from runner.steps.wordpress.start_problems import hindered
from runner.untrusted import sentence

__all__ = ["Purged", "out_of_reach", "parse_purge", "purge_scripts"]

_KNOWN, _COMMAND = "purge", "purge-command"


@dataclass(frozen=True, slots=True)
class Purged:
    """The caches that were purged, and those that failed, each with its reason."""

    caches: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def purge_scripts(site: Site, host: Host, mark: str, facts: SiteFacts | None) -> dict[str, Script]:
    """The scripts that purge the caches of a site, by name; empty if it has none.

    Args:
        site: to purge.
        host: of the site.
        mark: that starts each line of ours in the output.
        facts: of the site, with its caches; without them, WordPress looks for its caches itself.
    """
    found = {}
    unread = facts is None and site.kind is SiteKind.WORDPRESS
    if unread or (facts is not None and facts.caches):
        data = {"apart": facts is not None and bool(facts.caches_apart)}
        found[_KNOWN] = site_script(site, host, mark, program("purge", mark, data, parts=("caches",)))
    if site.purge:
        found[_COMMAND] = Script(text=f"cd {word(site.path)} && sh -c {word(site.purge)} </dev/null 2>&1\n")
    return found


def out_of_reach(site: Site, facts: SiteFacts | None) -> tuple[str, ...]:
    """Caches that need a `purge` command, if the site has none; each with its reason."""
    return facts.caches_apart if facts is not None and not site.purge else ()


def parse_purge(results: Mapping[str, tuple[str, int | None]], mark: str) -> Purged:
    """Parse the output and exit status of each of the `purge_scripts`."""
    caches: list[str] = []
    failed: list[str] = []
    if _KNOWN in results:
        text, _ = results[_KNOWN]
        finished = False
        for line in marked(text, mark):
            name, why = texts(line.get("purged")), texts(line.get("why"))
            finished = finished or line.get("purged") == ""
            if name and line.get("ok") is True:
                caches.append(name)
            elif name:
                failed.append(f"{name}: {why}")
        if not finished and hindered(text, f"{mark} ") is None:
            failed.append("WordPress did not finish the purge")
    if _COMMAND in results:
        text, code = results[_COMMAND]
        if code == 0:
            caches.append("the `purge` command")
        else:
            why = sentence((text.strip().splitlines() or [""])[-1], 200)
            ended_with = "timed out" if code is None else f"exited with {code}"
            failed.append(f"the `purge` command {ended_with}" + (f": {why}" if why else ""))
    return Purged(tuple(caches), tuple(failed))
