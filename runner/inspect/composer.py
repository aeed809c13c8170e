"""Asking Composer what is newer, where a playbook lets it update a site's packages."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Task as Command
from runner.model import Site, SiteFacts
from runner.steps.wordpress import ComposerSaid, composer_script, parse_composer, with_said

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["COMPOSER_LIMIT", "with_composer"]

COMPOSER_LIMIT = 300
"""Seconds that Composer may take for one site."""


def with_composer(
    remote: Remote, sites: Sequence[Site], found: Mapping[str, SiteFacts | SitecrewError]
) -> Mapping[str, SiteFacts | SitecrewError]:
    """The facts of sites of one host, with what Composer says of their projects.

    Raises:
        UnreachableError: the host cannot be reached.
        SecretError: a value of a site's environment cannot be had.
    """
    mark = secrets.token_hex(16)
    read = {site.name: facts for site in sites if isinstance(facts := found[site.name], SiteFacts)}
    names = {f"c{number}": name for number, name in enumerate(read) if read[name].packages}
    if not names:
        return found
    limit = remote.limit(COMPOSER_LIMIT)
    tasks = [
        Command(task, composer_script(read[name], remote.host, mark).text, timeout=limit, policy="go")
        for task, name in names.items()
    ]
    # what a private repository asks for may stand in the site's environment
    sites_of = {site.name: site for site in sites}
    dressed = [remote.for_site(sites_of[names[task.id]], [task])[0] for task in tasks]
    records = remote.read(tuple(dressed))
    late = ComposerSaid(problem=f"Composer did not say what is newer within {limit} s")
    said = {
        name: late if records[task].why else parse_composer(records[task].text, mark, read[name].project)
        for task, name in names.items()
    }
    return {**found, **{name: with_said(read[name], one) for name, one in said.items()}}
