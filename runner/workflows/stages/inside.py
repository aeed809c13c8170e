"""The look at a page from the site's own host, where nobody outside is let in."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Task as HostTask
from runner.model import Seen, SiteFacts
from runner.steps.front import SECONDS, Front, front_script, parse_front
from runner.verify import Inside, Signals
from runner.verify.inside import asked_inside, inside_of, leads_on, silent
from runner.workflows.boundary import within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.execute import TaskRecord
    from runner.model import Host, Site
    from runner.workflows.hosts import Hosts

__all__ = ["look_inside", "shut_out", "with_inside"]

_REDIRECTS = 3


def shut_out(seen: Signals) -> bool:
    """Whether every page of visitors was refused."""
    return all(sight.page.seen is Seen.REFUSED for sight in seen.visitors)


def with_inside(
    hosts: Hosts,
    host: Host,
    site: Site,
    seen: Signals,
    *,
    facts: SiteFacts | None,
    before: Signals | None = None,
) -> Signals:
    """The signals, with the first page as its own host gets it where no visitor's page was seen.

    Args:
        hosts: to reach it.
        host: where the site lives.
        site: which.
        seen: from outside.
        facts: of a WordPress that was read.
        before: the signals to compare with: the page is got the same way again.
    """
    if not shut_out(seen):
        return seen
    known = before.inside if before is not None else None
    return replace(seen, inside=look_inside(hosts, host, site, facts=facts, known=known))


def look_inside(
    hosts: Hosts, host: Host, site: Site, *, facts: SiteFacts | None = None, known: Inside | None = None
) -> Inside:
    """The first page of a site as its own host gets it. What keeps it from being got is in it."""
    way = known.front if known is not None and known.seen else None
    limit = hosts.reading_limit(SECONDS)
    url, front = "", Front()
    began = time.monotonic()
    for _ in range(_REDIRECTS):
        asked = asked_inside(site, url)
        if asked is None:
            return Inside(why="it has no address that can be asked for")
        mark = secrets.token_hex(16)
        script = front_script(site, host, mark, asked, facts=facts, known=way)
        records = within(partial(_read, hosts, host, site, HostTask("front", script.text, timeout=limit)))
        if isinstance(records, SitecrewError):
            return Inside(why=f"its own host cannot be asked: {records}")
        record, seconds = records["front"], time.monotonic() - began
        found = parse_front(record.text, mark)
        if found is None:
            return _nothing(site, record.why, seconds, known=way is not None)
        front, url = found, leads_on(site, found)
        if not url:
            break
    return inside_of(site, front, seconds, known=way is not None)


def _read(hosts: Hosts, host: Host, site: Site, task: HostTask) -> Mapping[str, TaskRecord]:
    return hosts.read(host, hosts.of_site(site, [task]))


def _nothing(site: Site, why: str, seconds: float, *, known: bool) -> Inside:
    """The program ended without a word, or was ended: after an update that may well be its doing."""
    said = (
        f"gives no page on its own host within {SECONDS} s"
        if why == "timeout"
        else "ends without a page on its own host"
    )
    return silent(site, said, seconds) if known else Inside(why=f"the page {said}")
