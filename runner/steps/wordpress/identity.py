"""Evidence that a site's path, address and database belong together, read on its host.

It is: the addresses in the database and in the configuration; whether the latter follow the request, which
is tested with a host name that does not exist; and a marker file that is in the site's folder for the time of
one request. Its name and content are random. If a lost connection leaves one behind, the next one removes it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from runner.model import Addresses, Host, Site
from runner.shell import assign
from runner.steps.base import Script
from runner.steps.wordpress.address import server_of
from runner.steps.wordpress.program_output import entries, marked, texts
from runner.steps.wordpress.shell import plain_program, shell_source, site_script

__all__ = [
    "addresses_of",
    "addresses_program",
    "addresses_script",
    "follows_request",
    "marker_name",
    "put_marker",
    "remove_marker",
]

_NONCE = re.compile(r"[0-9a-f]{32}")


def marker_name(nonce: str) -> str:
    """The name of the marker file in the site's folder.

    Raises:
        ValueError: the nonce is not 32 hexadecimal digits.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError("not a nonce")
    return f"sitecrew-{nonce}.txt"


def put_marker(site: Site, nonce: str, said: str) -> Script:
    """Write the marker file with the content `said`. Exit status 4: this login cannot write there."""
    given = assign({"site": site.path, "name": marker_name(nonce), "said": said})
    return Script(text=f"sitecrew() {{\n{given}{shell_source('put_marker')}\n}}\nsitecrew </dev/null\n")


def remove_marker(site: Site, nonce: str) -> Script:
    """Remove the marker file."""
    given = assign({"site": site.path, "name": marker_name(nonce)})
    return Script(text=f'sitecrew() {{\n{given}cd "$site" && rm -f "$name"\n}}\nsitecrew </dev/null\n')


def addresses_program(site: Site, mark: str) -> str:
    """The command that prints the addresses in the configuration for a host name that does not exist."""
    named = dict.fromkeys(("HTTP_HOST", "SERVER_NAME"), _unknown_host(mark))
    data = {"roots": [site.path.rstrip("/")], "server": {**server_of(site), **named}}
    return plain_program("addresses_asked", mark, data, parts=("sql", "database_tables", "addresses"))


def addresses_script(site: Site, host: Host, mark: str) -> Script:
    """The script that runs `addresses_program`."""
    return site_script(site, host, mark, f"asked() {{\n{addresses_program(site, mark)}\n}}\nasked 2>&1")


def follows_request(said: str, mark: str) -> bool:
    """Whether the configuration uses the host name of the request; assumed if it printed nothing."""
    answers = [entry["asked"] for entry in marked(said, mark) if isinstance(entry.get("asked"), list)]
    return not answers or any(_unknown_host(mark) in texts(one) for one in entries(answers[0]))


def _unknown_host(mark: str) -> str:
    return f"{mark}.invalid"


def addresses_of(said: str, mark: str) -> Addresses | None:
    """The addresses in a dumped database, from the stderr of `database_script`; None if they are missing."""
    found = None
    for entry in marked(said, mark):
        if isinstance(about := entry.get("addresses"), dict):
            stored, constants = (
                tuple(map(texts, entries(about.get(name)))) for name in ("stored", "constants")
            )
            found = Addresses(stored=stored, constants=constants)
    return replace(found, follows=follows_request(said, mark)) if found else None
