"""The look at a site from its own host, where nobody outside is let in."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Task as Command
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

    from runner.execute import TaskRecord
    from runner.hosts.remote import Remote
    from runner.model import Site

__all__ = ["fatal_inside", "look_inside", "with_inside"]

_REDIRECTS = 3


def with_inside(
    remote: Remote,
    site: Site,
    seen: Signals,
    *,
    facts: SiteFacts | None,
    before: Signals | None = None,
) -> Signals:
    """The signals, with the site as its own host gets it where visitors get no page of it, or no wp-admin.

    Args:
        remote: the site's host.
        site: which.
        seen: from outside.
        facts: of a WordPress that was read.
        before: the signals to compare with: the pages are got the same way again.
    """
    known = before.inside if before is not None else None
    again = known is not None and known.seen
    wanted = seen.refused or (site.kind is SiteKind.WORDPRESS and (seen.kept_out or seen.admin_refused))
    if not again and not wanted:
        return seen
    member = known.front.member if known is not None and again else seen.kept_out and not seen.refused
    found = look_inside(remote, site, facts=facts, known=known, member=member)
    if not again and not seen.refused and found.check is not None and found.check.page.findings:
        return seen  # a page that is well outside and not there says nothing of what nobody can see
    return replace(seen, inside=found)


def look_inside(
    remote: Remote,
    site: Site,
    *,
    facts: SiteFacts | None = None,
    known: Inside | None = None,
    member: bool = False,
) -> Inside:
    """The first page of a site as its own host gets it, and what programs read there.

    What keeps it from being got is in it. For a member only the page is got: what programs read is seen from
    outside. Of a command line that lacks what the web server has, only what was good before is compared.
    """
    found = _page(remote, site, facts, known, member=member)
    if member or not found.seen:
        return found
    more = _programs(remote, site, facts, found.front)
    return replace(found, more=tuple(one for one in more if known is not None or not one.page.findings))


def fatal_inside(remote: Remote, site: Site, facts: SiteFacts) -> str:
    """The error that kills PHP when WordPress makes the first page on its host; empty where none is known."""
    asked = asked_inside(site)
    if asked is None:
        return ""
    mark = secrets.token_hex(16)
    way = Front(way=FrontWay.WORDPRESS)
    script = front_script(site, remote.host, mark, asked, facts=facts, known=way)
    task = Command("front", script.text, timeout=remote.limit(SECONDS))
    records = within(partial(_read, remote, site, [task]))
    front = None if isinstance(records, SitecrewError) else parse_front(records["front"].text, mark)
    if front is None or not front.fatal:
        return ""
    return fatal_error(f"Fatal error: {front.fatal}") or front.fatal


def _page(
    remote: Remote, site: Site, facts: SiteFacts | None, known: Inside | None, *, member: bool
) -> Inside:
    way = known.front if known is not None and known.seen else None
    limit = remote.limit(SECONDS)
    url, front = "", Front()
    began = time.monotonic()
    for _ in range(_REDIRECTS):
        asked = asked_inside(site, url)
        if asked is None:
            return Inside(why="it has no address that can be asked for")
        mark = secrets.token_hex(16)
        script = front_script(site, remote.host, mark, asked, facts=facts, known=way, member=member)
        task = Command("front", script.text, timeout=limit)
        records = within(partial(_read, remote, site, [task]))
        if isinstance(records, SitecrewError):
            return Inside(why=f"its own host cannot be asked: {records}")
        record, seconds = records["front"], time.monotonic() - began
        found = parse_front(record.text, mark)
        if found is None:
            return _nothing(site, record.why, seconds, known=way is not None)
        front, url = found, leads_on(site, found)
        if not url:
            break
    if member and not front.member and way is None:
        return Inside(why="nobody can be logged in on its own host")
    return inside_of(site, front, seconds, known=way is not None)


def _read(remote: Remote, site: Site, tasks: Sequence[Command]) -> Mapping[str, TaskRecord]:
    return remote.read(remote.for_site(site, tasks))


def _programs(remote: Remote, site: Site, facts: SiteFacts | None, way: Front) -> tuple[PageCheck, ...]:
    """What programs read, got as the page was; nothing where the host cannot be asked just now."""
    asked = list(programs_inside(site, facts.folder if facts else ""))
    mark, limit = secrets.token_hex(16), remote.limit(SECONDS)
    tasks = [
        Command(
            f"front-{number}",
            front_script(site, remote.host, mark, place, facts=facts, known=way, or_run=True).text,
            timeout=limit,
        )
        for number, (_, place) in enumerate(asked)
    ]
    records = within(partial(_read, remote, site, tasks)) if tasks else {}
    if isinstance(records, SitecrewError):
        return ()
    got = [records[task.id] for task in tasks]
    return tuple(
        program_inside(site, ask, parse_front(record.text, mark) or Front(), record.seconds)
        for (ask, _), record in zip(asked, got, strict=True)
    )


def _nothing(site: Site, why: str, seconds: float, *, known: bool) -> Inside:
    """The program ended without a word, or was ended: after an update that may well be its doing."""
    said = (
        f"gives no page on its own host within {SECONDS} s"
        if why == "timeout"
        else "ends without a page on its own host"
    )
    return silent(site, said, seconds) if known else Inside(why=f"the page {said}")
