"""Newer packages according to Composer, for sites whose playbook updates packages with it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Command
from runner.model import Site, SiteFacts
from runner.steps.wordpress import ComposerSaid, composer_script, parse_composer, with_said

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["COMPOSER_LIMIT", "with_composer"]

COMPOSER_LIMIT = 300
"""Time limit of Composer for one site, in seconds."""


def with_composer(
    remote: Remote, sites: Sequence[Site], found: Mapping[str, SiteFacts | SitecrewError]
) -> Mapping[str, SiteFacts | SitecrewError]:
    """Return the facts of sites on one host, with the newer packages that Composer finds for them.

    Raises:
        UnreachableError: the host cannot be reached.
        SecretError: a secret in the environment of a site cannot be read.
    """
    nonce = secrets.token_hex(16)
    read = {site.name: facts for site in sites if isinstance(facts := found[site.name], SiteFacts)}
    names = {f"c{number}": name for number, name in enumerate(read) if read[name].packages}
    if not names:
        return found
    limit = remote.limit(COMPOSER_LIMIT)
    tasks = [
        Command(task, composer_script(read[name], remote.host, nonce).text, timeout=limit, policy="go")
        for task, name in names.items()
    ]
    # the environment of a site may contain the credentials of a private repository
    sites_of = {site.name: site for site in sites}
    commands = [remote.for_site(sites_of[names[task.id]], [task])[0] for task in tasks]
    records = remote.read(tuple(commands))
    timed_out = ComposerSaid(problem=f"Composer did not answer within {limit} s")
    answers = {
        name: timed_out
        if records[task].why
        else parse_composer(records[task].text, nonce, read[name].project)
        for task, name in names.items()
    }
    return {**found, **{name: with_said(read[name], answer) for name, answer in answers.items()}}
