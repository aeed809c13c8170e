"""What proves that a site's path, address and database belong together, asked on its host.

The addresses in the database and those of the configuration; whether the latter follow the request, which is
tried with a host name that nobody has; and a file in the site's folder that is there for the time of one
question. Its name and what it says are random; one that a lost connection left goes with the next.
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
    """Its name in the site's folder.

    Raises:
        ValueError: the nonce is no 32 hexadecimal digits.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError("not a nonce")
    return f"sitecrew-{nonce}.txt"


def put_marker(site: Site, nonce: str, said: str) -> Script:
    """Writes it. Exit status 4: this login may not write there."""
    given = assign({"site": site.path, "name": marker_name(nonce), "said": said})
    return Script(text=f"sitecrew() {{\n{given}{shell_source('put_marker')}\n}}\nsitecrew </dev/null\n")


def remove_marker(site: Site, nonce: str) -> Script:
    """Removes it."""
    given = assign({"site": site.path, "name": marker_name(nonce)})
    return Script(text=f'sitecrew() {{\n{given}cd "$site" && rm -f "$name"\n}}\nsitecrew </dev/null\n')


def addresses_program(site: Site, mark: str) -> str:
    """The command that says what the configuration calls the site for a host name that nobody has."""
    named = dict.fromkeys(("HTTP_HOST", "SERVER_NAME"), _nobody(mark))
    given = {"roots": [site.path.rstrip("/")], "server": {**server_of(site), **named}}
    return plain_program("addresses_asked", mark, given, parts=("sql", "database_tables", "addresses"))


def addresses_script(site: Site, host: Host, mark: str) -> Script:
    """The same as a text for the host."""
    return site_script(site, host, mark, f"asked() {{\n{addresses_program(site, mark)}\n}}\nasked 2>&1")


def follows_request(said: str, mark: str) -> bool:
    """Whether the configuration made an address from that host name; one that said nothing may."""
    said_so = [entry["asked"] for entry in marked(said, mark) if isinstance(entry.get("asked"), list)]
    return not said_so or any(_nobody(mark) in texts(one) for one in entries(said_so[0]))


def _nobody(mark: str) -> str:
    return f"{mark}.invalid"


def addresses_of(said: str, mark: str) -> Addresses | None:
    """Whose database was dumped, from what `database_script` said aside; None where that was not said."""
    found = None
    for entry in marked(said, mark):
        if isinstance(about := entry.get("addresses"), dict):
            stored, constants = (
                tuple(map(texts, entries(about.get(name)))) for name in ("stored", "constants")
            )
            found = Addresses(stored=stored, constants=constants)
    return replace(found, follows=follows_request(said, mark)) if found else None
