"""The facts of a WordPress site, read in one boot.

If a plugin or the theme kills PHP, the same script reads the site again without
them and marks it as crippled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.errors import HostError
from runner.model import Extension, Host, Site, SiteFacts
from runner.steps.base import Script
from runner.steps.wordpress import forms
from runner.steps.wordpress.disk import trees, versions
from runner.steps.wordpress.facts_fields import site_facts
from runner.steps.wordpress.program_output import marked
from runner.steps.wordpress.shell import program, shell_source, site_script
from runner.steps.wordpress.start_problems import start_problem, stop_reason
from runner.untrusted import sentence

__all__ = ["facts_in", "facts_script", "parse_facts"]


def facts_script(
    site: Site,
    host: Host,
    mark: str,
    *,
    check_updates: bool,
    languages: Sequence[str] = (),
    dates: bool = False,
    composer: bool = False,
) -> Script:
    """Build the script that reads a site. The only thing it changes is WordPress's cache of update offers.

    Args:
        site: to read.
        host: of the site.
        mark: that starts each line of ours in the output.
        check_updates: have WordPress query its update servers again, in the same boot.
        languages: to query translations for, whether the site has them or not.
        dates: query the release date of each offered version as well.
        composer: check whether Composer can run as well.
    """
    data = {
        "check": check_updates,
        "url": site.own_address,
        "locales": list(languages),
        "dates": dates,
        "composer": composer,
    }
    parts = (
        "sql",
        "addresses",
        "auto_updates",
        "caches",
        "ownership",
        "facts_deployment",
        "facts_composer",
        "facts_obstacles",
        "facts_items",
        "facts_translations",
        "facts_web_php",
    )
    run = program("facts", mark, data, '"$@" ', parts=parts)
    return site_script(site, host, mark, shell_source("disk") + shell_source("facts", program=run))


def facts_in(output: str, mark: str) -> tuple[SiteFacts | None, str]:
    """The facts in the output of `facts_script`, or None and the reason."""
    try:
        return parse_facts(output, mark), ""
    except HostError as error:
        return None, str(error)


def parse_facts(output: str, mark: str) -> SiteFacts:
    """The facts in the output of `facts_script`.

    Raises:
        HostError: there are none; the message says why.
    """
    before, booted, after = output.partition(f"\n{mark} boot\n")
    disk, printed = (before, after) if booted else ("", output)
    first, _, second = printed.partition(f"\n{mark} again\n")
    if (facts := _first_facts(first, mark)) is not None:
        return _with_disk_versions(facts, disk)
    if (facts := _first_facts(second, mark, crippled=stop_reason(first))) is not None:
        return _with_disk_versions(facts, disk)
    raise start_problem(output, printed, mark)


def _first_facts(text: str, mark: str, **more: str) -> SiteFacts | None:
    """The first facts in the output that are valid; None if there are none.

    Raises:
        HostError: there are facts, but they contain a value that cannot be used.
    """
    refused = ""
    for data in marked(text, mark):
        try:
            return site_facts({**data, **more})
        except forms.FormError as error:
            refused = refused or sentence(str(error))
        except ValueError:
            continue
    if refused:
        raise HostError(
            f"WordPress reports an unusable value: {refused}",
            hint="check the site: it may be hacked, or its configuration is unusual",
        )
    return None


def _with_disk_versions(facts: SiteFacts, disk: str) -> SiteFacts:
    """The facts with the versions in the files, which were read before any PHP of the site ran."""
    cores, contents = trees(disk.split("\n"))
    known = {tree.version for tree in cores if tree.version}
    found = {family: tuple(versions(contents, family)) for family in ("plugins", "themes")}
    return replace(
        facts,
        wordpress=known.pop() if len(known) == 1 else facts.wordpress,
        plugins=tuple(
            _with_version(entry, found["plugins"], facts.plugins_folder) for entry in facts.plugins
        ),
        themes=tuple(_with_version(entry, found["themes"], facts.themes_folder) for entry in facts.themes),
    )


def _with_version(entry: Extension, found: Sequence[tuple[str, str, str]], folder: str) -> Extension:
    """The item with its version on disk: if two content folders have it, the version in the active one."""
    matches = [(place, version) for place, file, version in found if file == entry.file]
    if len(matches) > 1:
        matches = [(place, version) for place, version in matches if f"{folder}/".count(f"/{place}/")]
    if len(matches) != 1 or matches[0][1] == entry.version:
        return entry
    try:
        version = forms.version(matches[0][1])
    except forms.FormError:
        return entry
    return replace(
        entry, version=version, dispute=f"WordPress reports {entry.version}, its file says {version}"
    )
