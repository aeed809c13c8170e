"""Checks of a site from its own host, for sites that refuse requests from outside."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Command
from runner.hosts.boundary import within
from runner.model import SiteFacts, SiteKind
from runner.steps.front import SECONDS, Front, FrontWay, front_script, parse_front
from runner.steps.wordpress.fatal import fatal_error
from runner.verify import Inside, PageCheck, Signals
from runner.verify.inside import (
    asked_inside,
    inside_of,
    leads_on,
    program_inside,
    programs_inside,
    silent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.execute import CommandRecord
    from runner.hosts.remote import Remote
    from runner.model import Site

__all__ = ["check_from_host", "fatal_error_on_host", "with_host_check"]

_REDIRECTS = 3


def with_host_check(
    remote: Remote,
    site: Site,
    seen: Signals,
    *,
    facts: SiteFacts | None,
    before: Signals | None = None,
) -> Signals:
    """Add a check from the host to the results if visitors are refused, or only wp-admin is.

    Args:
        remote: the site's host.
        site: the site.
        seen: the results from outside.
        facts: the facts of the site, if WordPress was read.
        before: the results to compare with; the page is requested in the same way.
    """
    known = before.inside if before is not None else None
    again = known is not None and known.seen
    wanted = seen.refused or (site.kind is SiteKind.WORDPRESS and (seen.kept_out or seen.admin_refused))
    if not again and not wanted:
        return seen
    member = known.front.member if known is not None and again else seen.kept_out and not seen.refused
    found = check_from_host(remote, site, facts=facts, known=known, member=member)
    if not again and not seen.refused and found.check is not None and found.check.page.findings:
        return seen  # visitors get healthy pages, so a failure on the host says nothing about them
    return replace(seen, inside=found)


def check_from_host(
    remote: Remote,
    site: Site,
    *,
    facts: SiteFacts | None = None,
    known: Inside | None = None,
    member: bool = False,
) -> Inside:
    """Request the front page and the REST API of a site on its own host.

    The result also contains what prevented it. For a logged-in member only the page is requested. PHP on the
    command line may lack something that the web server has, so only what was healthy before is compared.
    """
    found = _page(remote, site, facts, known, member=member)
    if member or not found.seen:
        return found
    more = _programs(remote, site, facts, found.front)
    return replace(found, more=tuple(one for one in more if known is not None or not one.page.findings))


def fatal_error_on_host(remote: Remote, site: Site, facts: SiteFacts) -> str:
    """Return the fatal PHP error of the front page, generated on the host; empty if there is none."""
    asked = asked_inside(site)
    if asked is None:
        return ""
    nonce = secrets.token_hex(16)
    way = Front(way=FrontWay.WORDPRESS)
    script = front_script(site, remote.host, nonce, asked, facts=facts, known=way)
    task = Command("front", script.text, timeout=remote.limit(SECONDS))
    records = within(partial(_read, remote, site, [task]))
    front = None if isinstance(records, SitecrewError) else parse_front(records["front"].text, nonce)
    if front is None or not front.fatal:
        return ""
    return fatal_error(f"Fatal error: {front.fatal}") or front.fatal


def _page(
    remote: Remote, site: Site, facts: SiteFacts | None, known: Inside | None, *, member: bool
) -> Inside:
    way = known.front if known is not None and known.seen else None
    limit = remote.limit(SECONDS)
    url, front = "", Front()
    start = time.monotonic()
    for _ in range(_REDIRECTS):
        asked = asked_inside(site, url)
        if asked is None:
            return Inside(why="its address cannot be requested")
        nonce = secrets.token_hex(16)
        script = front_script(site, remote.host, nonce, asked, facts=facts, known=way, member=member)
        task = Command("front", script.text, timeout=limit)
        records = within(partial(_read, remote, site, [task]))
        if isinstance(records, SitecrewError):
            return Inside(why=f"its host cannot be read: {records}")
        record, seconds = records["front"], time.monotonic() - start
        found = parse_front(record.text, nonce)
        if found is None:
            return _without_page(site, record.why, seconds, known=way is not None)
        front, url = found, leads_on(site, found)
        if not url:
            break
    if member and not front.member and way is None:
        return Inside(why="no user can be logged in on its own host")
    return inside_of(site, front, seconds, known=way is not None)


def _read(remote: Remote, site: Site, tasks: Sequence[Command]) -> Mapping[str, CommandRecord]:
    return remote.read(remote.for_site(site, tasks))


def _programs(remote: Remote, site: Site, facts: SiteFacts | None, way: Front) -> tuple[PageCheck, ...]:
    """Request what programs read in the same way as the page; empty if the host cannot be read."""
    asked = list(programs_inside(site, facts.folder if facts else ""))
    nonce, limit = secrets.token_hex(16), remote.limit(SECONDS)
    tasks = [
        Command(
            f"front-{number}",
            front_script(site, remote.host, nonce, place, facts=facts, known=way, or_run=True).text,
            timeout=limit,
        )
        for number, (_, place) in enumerate(asked)
    ]
    records = within(partial(_read, remote, site, tasks)) if tasks else {}
    if isinstance(records, SitecrewError):
        return ()
    got = [records[task.id] for task in tasks]
    return tuple(
        program_inside(site, ask, parse_front(record.text, nonce) or Front(), record.seconds)
        for (ask, _), record in zip(asked, got, strict=True)
    )


def _without_page(site: Site, why: str, seconds: float, *, known: bool) -> Inside:
    """The result if PHP timed out or printed nothing: a failure if the page was healthy before."""
    reason = (
        f"was not generated on its own host within {SECONDS} s"
        if why == "timeout"
        else "was not generated on its own host"
    )
    return silent(site, reason, seconds) if known else Inside(why=f"the page {reason}")
