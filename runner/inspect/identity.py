"""Proof that a site's path, address and database belong together, where addresses alone do not say it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import IdentityError, SitecrewError
from runner.execute import Task as Command
from runner.hosts.boundary import within
from runner.model import Seen
from runner.plan import DatabaseMatch, database_mismatch, match_database
from runner.steps.wordpress.identity import marker_name, put_marker, remove_marker
from runner.steps.wordpress.web_php import unseen_code
from runner.verify.seen import seen_of
from runner.web import split

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.hosts.remote import Remote
    from runner.inspect.prober import Prober
    from runner.model import Addresses, Site, SiteFacts

__all__ = ["MISMATCH_HINT", "prove_database", "why_unverifiable", "with_folder_check"]

MISMATCH_HINT = (
    "correct the one that is wrong; where WordPress itself has another address than its visitors use "
    "(a proxy, a headless front end), write it beside `url`: `address: ...`"
)
_LIMIT = 20
_OK = 200
_ABSENT = frozenset({404, 410})
_BY_ITSELF = (
    "its configuration takes its address from each request, and so calls itself whatever it is asked for"
)


class Answered(StrEnum):
    """What was found at a site's address of a file in its folder."""

    HERE = "here"
    ABSENT = "absent"
    """The server says that there is no such file."""
    UNKNOWN = "unknown"
    """It could not be written, or nobody is let in."""


_TOLD = {
    Answered.ABSENT: "a file put there for a moment is not found at its address",
    Answered.UNKNOWN: "a file put there for a moment could not be asked for",
}


def prove_database(
    prober: Prober, remote: Remote, site: Site, found: Addresses, others: Collection[Site]
) -> str:
    """What is not proven, for people; empty where the database is the site's.

    Raises:
        IdentityError: it is not; or nothing says that it is, and its address is another site's.
    """
    belongs = match_database(found, site)
    if belongs is DatabaseMatch.PROVEN:
        return ""
    if belongs is DatabaseMatch.OTHER_SITE:
        raise IdentityError(database_mismatch(found, site, others), hint=MISMATCH_HINT)
    answered = request_marker(prober, remote, site, found.constants)
    if answered is Answered.HERE:
        return ""
    if named := other_site_hint(found, site, others):
        raise IdentityError(f"{database_mismatch(found, site, others)} ({_BY_ITSELF})", hint=named)
    reason = _BY_ITSELF if found.follows else "it has no address of its own"
    return f"{_not_proven(site)}: {reason}; {_TOLD[answered]}"


def with_folder_check(prober: Prober, remote: Remote, site: Site, facts: SiteFacts) -> SiteFacts:
    """The facts with what speaks against the folder being the one behind the address.

    A copy of a site calls itself as the site does: only what is put into the folder tells them apart.
    """
    if (
        facts.unproven
        or request_marker(prober, remote, site, (facts.siteurl, facts.home)) is not Answered.ABSENT
    ):
        return facts
    return replace(facts, unproven=f"{_not_proven(site)}: {_TOLD[Answered.ABSENT]}")


def why_unverifiable(site: Site, facts: SiteFacts | None) -> str:
    """Why looks at the address would not see a change in the folder; empty where they would."""
    return (facts.unproven if facts else "") or unseen_code(site, facts)


def _not_proven(site: Site) -> str:
    return f"not proven to be the site at {site.own_address}"


def other_site_hint(found: Addresses, site: Site, others: Collection[Site]) -> str:
    """What to do where the database has the address of another site of the inventory; empty where not."""
    for other in others:
        if other.name != site.name and match_database(found, other) is DatabaseMatch.PROVEN:
            pair = f"{site.name} and {other.name}"
            return f"correct `path` or `url` of {pair}; in a copy's database: wp option update home URL"
    return ""


def request_marker(prober: Prober, remote: Remote, site: Site, bases: Collection[str] = ()) -> Answered:
    """Put a file into the site's folder, ask for it at the site's addresses, and remove it."""
    nonce, said = secrets.token_hex(16), secrets.token_hex(16)
    limit = remote.limit(_LIMIT)

    def run(name: str, text: str) -> bool:
        records = within(partial(remote.read, [Command(name, text, timeout=limit)]))
        return not isinstance(records, SitecrewError) and records[name].ok

    if not run("put", put_marker(site, nonce, said).text):
        return Answered.UNKNOWN
    try:
        return _asked(prober, site, bases, marker_name(nonce), said)
    finally:
        run("remove", remove_marker(site, nonce).text)


def _asked(prober: Prober, site: Site, bases: Collection[str], name: str, said: str) -> Answered:
    absent = False
    for base in _own(site, bases):
        answer = prober.fetch(f"{base.rstrip('/')}/{name}")
        if answer is None:
            continue
        if answer.status == _OK and said.encode() in answer.body[:200]:
            return Answered.HERE
        if seen_of(answer) is not Seen.REFUSED:
            absent = absent or answer.status in _ABSENT or answer.status == _OK
    return Answered.ABSENT if absent else Answered.UNKNOWN


def _own(site: Site, bases: Collection[str]) -> list[str]:
    """Addresses under which the folder may be served: those on the site's own host names."""
    hosts = {place.host for url in (site.url, site.own_address) if (place := split(url))}
    more = [base for base in bases if (place := split(base)) and place.host in hosts]
    return list(dict.fromkeys(url.rstrip("/") for url in (site.own_address, site.url, *more)))
