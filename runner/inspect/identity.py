"""Proof that a site's path, address and database belong together, if the stored addresses do not prove it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import IdentityError, SitecrewError
from runner.execute import Command
from runner.hosts.boundary import within
from runner.model import Seen
from runner.plan import DatabaseMatch, database_mismatch, match_database
from runner.steps.wordpress.identity import marker_name, put_marker, remove_marker
from runner.steps.wordpress.web_php import unseen_code
from runner.verify.seen import seen_of
from runner.web import parse_url

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.hosts.remote import Remote
    from runner.inspect.prober import Prober
    from runner.model import Addresses, Site, SiteFacts

__all__ = ["MISMATCH_HINT", "prove_database", "why_unverifiable", "with_folder_check"]

MISMATCH_HINT = (
    "correct the one that is wrong; if WordPress has another address than its visitors use (a proxy, a "
    "headless front end), set it as `address` next to `url`"
)
_LIMIT = 20
_OK = 200
_ABSENT = frozenset({404, 410})
_FOLLOWS_REQUEST = "its configuration takes its address from each request, so the address proves nothing"


class Answered(StrEnum):
    """The result of requesting a file in the site's folder at the site's address."""

    HERE = "here"
    ABSENT = "absent"
    """The server answered that there is no such file."""
    UNKNOWN = "unknown"
    """The file could not be written, or the server refused the request."""


_REASONS = {
    Answered.ABSENT: "a test file in its folder is not found at its address",
    Answered.UNKNOWN: "a test file in its folder could not be requested",
}


def prove_database(
    prober: Prober, remote: Remote, site: Site, found: Addresses, others: Collection[Site]
) -> str:
    """Check that a database is the site's; return what is not proven, or an empty text.

    Raises:
        IdentityError: it is another site's, or it has another site's address and nothing proves the match.
    """
    match = match_database(found, site)
    if match is DatabaseMatch.PROVEN:
        return ""
    if match is DatabaseMatch.OTHER_SITE:
        raise IdentityError(database_mismatch(found, site, others), hint=MISMATCH_HINT)
    answered = request_marker(prober, remote, site, found.constants)
    if answered is Answered.HERE:
        return ""
    if hint := other_site_hint(found, site, others):
        raise IdentityError(f"{database_mismatch(found, site, others)} ({_FOLLOWS_REQUEST})", hint=hint)
    reason = _FOLLOWS_REQUEST if found.follows else "it has no address of its own"
    return f"{_not_proven(site)}: {reason}; {_REASONS[answered]}"


def with_folder_check(prober: Prober, remote: Remote, site: Site, facts: SiteFacts) -> SiteFacts:
    """Return the facts, marked as unproven if the folder is not the one that is served at the site's address.

    A copy of a site has the same address in its database, so only a file in the folder shows the difference.
    """
    if facts.unproven:
        return facts
    answered = request_marker(prober, remote, site, (facts.siteurl, facts.home))
    if answered is not Answered.ABSENT:
        return facts
    return replace(facts, unproven=f"{_not_proven(site)}: {_REASONS[answered]}")


def why_unverifiable(site: Site, facts: SiteFacts | None) -> str:
    """Return why health checks would not notice a change in the folder; empty if they would."""
    return (facts.unproven if facts else "") or unseen_code(site, facts)


def _not_proven(site: Site) -> str:
    return f"not proven to be the site at {site.own_address}"


def other_site_hint(found: Addresses, site: Site, others: Collection[Site]) -> str:
    """Return what to do if the database has the address of another site in the inventory; empty if not."""
    for other in others:
        if other.name != site.name and match_database(found, other) is DatabaseMatch.PROVEN:
            pair = f"{site.name} and {other.name}"
            return f"correct `path` or `url` of {pair}; in a copy's database: wp option update home URL"
    return ""


def request_marker(prober: Prober, remote: Remote, site: Site, bases: Collection[str] = ()) -> Answered:
    """Write a file to the site's folder, request it at the site's addresses, and remove it."""
    nonce, content = secrets.token_hex(16), secrets.token_hex(16)
    limit = remote.limit(_LIMIT)

    def succeeds(name: str, text: str) -> bool:
        records = within(partial(remote.read, [Command(name, text, timeout=limit)]))
        return not isinstance(records, SitecrewError) and records[name].ok

    if not succeeds("put", put_marker(site, nonce, content).text):
        return Answered.UNKNOWN
    try:
        return _request(prober, site, bases, marker_name(nonce), content)
    finally:
        succeeds("remove", remove_marker(site, nonce).text)


def _request(prober: Prober, site: Site, bases: Collection[str], name: str, content: str) -> Answered:
    absent = False
    for base in _own_addresses(site, bases):
        answer = prober.fetch(f"{base.rstrip('/')}/{name}")
        if answer is None:
            continue
        if answer.status == _OK and content.encode() in answer.body[:200]:
            return Answered.HERE
        if seen_of(answer) is not Seen.REFUSED:
            absent = absent or answer.status in _ABSENT or answer.status == _OK
    return Answered.ABSENT if absent else Answered.UNKNOWN


def _own_addresses(site: Site, bases: Collection[str]) -> list[str]:
    """Return the addresses at which the folder may be served: those with the site's own host names."""
    hosts = {place.host for url in (site.url, site.own_address) if (place := parse_url(url))}
    more = [base for base in bases if (place := parse_url(base)) and place.host in hosts]
    return list(dict.fromkeys(url.rstrip("/") for url in (site.own_address, site.url, *more)))
