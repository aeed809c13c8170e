"""Emptying the caches of a site: known ones by their own interfaces, all else by the site's command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.model import Host, Site, SiteFacts, SiteKind
from runner.shell import word
from runner.steps.base import Script
from runner.steps.wordpress.facts import hindered
from runner.steps.wordpress.program_output import marked, texts
from runner.steps.wordpress.shell import program, site_script
from runner.untrusted import sentence

__all__ = ["Purged", "out_of_reach", "parse_purge", "purge_scripts"]

_KNOWN, _COMMAND = "purge", "purge-command"


@dataclass(frozen=True, slots=True)
class Purged:
    """What was emptied, and what could not be: each with its reason."""

    caches: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def purge_scripts(site: Site, host: Host, mark: str, facts: SiteFacts | None) -> dict[str, Script]:
    """By the names of their tasks, what empties the caches that a site has; nothing where it has none.

    `facts` name the caches of WordPress; where it was not read, it is asked for them. The site's own command
    runs as the login, in the site's folder.
    """
    found = {}
    unread = facts is None and site.kind is SiteKind.WORDPRESS
    if unread or (facts is not None and facts.caches):
        given = {"apart": facts is not None and bool(facts.caches_apart)}
        found[_KNOWN] = site_script(site, host, mark, program("purge", mark, given, parts=("caches",)))
    if site.purge:
        found[_COMMAND] = Script(text=f"cd {word(site.path)} && sh -c {word(site.purge)} </dev/null 2>&1\n")
    return found


def out_of_reach(site: Site, facts: SiteFacts | None) -> tuple[str, ...]:
    """Caches that only a command of the site could empty, where it has none; each with its reason."""
    return facts.caches_apart if facts is not None and not site.purge else ()


def parse_purge(said: Mapping[str, tuple[str, int | None]], mark: str) -> Purged:
    """What became of it, from the output and exit status of each task of `purge_scripts`."""
    caches: list[str] = []
    failed: list[str] = []
    if _KNOWN in said:
        text, _ = said[_KNOWN]
        ended = False
        for line in marked(text, mark):
            name, why = texts(line.get("purged")), texts(line.get("why"))
            ended = ended or line.get("purged") == ""
            if name and line.get("ok") is True:
                caches.append(name)
            elif name:
                failed.append(f"{name}: {why}")
        if not ended and hindered(text, f"{mark} ") is None:
            failed.append("WordPress did not get through with it")
    if _COMMAND in said:
        text, code = said[_COMMAND]
        if code == 0:
            caches.append("the site's own command")
        else:
            why = sentence((text.strip().splitlines() or [""])[-1], 200)
            ended_with = "took too long" if code is None else f"ended with {code}"
            failed.append(f"the site's own command {ended_with}" + (f": {why}" if why else ""))
    return Purged(tuple(caches), tuple(failed))
