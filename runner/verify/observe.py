"""Check a site from outside. Differences are confirmed before they count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.model import Site, SiteKind
from runner.verify.access import NO_HEADERS
from runner.verify.baseline import NO_BASELINE, establish
from runner.verify.compare import compare
from runner.verify.http import MAINTENANCE_WAIT, TIMING, PageCheck, PageChecker, PageRequest, Timing
from runner.verify.requests import own_stylesheets, page_requests, uncached_requests
from runner.verify.signals import Signals
from runner.verify.sources import find_sources
from runner.verify.sub_sites import check_sub_sites
from runner.web import Rules, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["examine", "observe", "settle", "until_known"]

_SLOWER = 2.0
"""How many times slower a page may be that was slow before."""
_LONGEST = 30.0
"""Seconds for one request, however slow the page was before."""
_STYLESHEETS = 24
"""Most stylesheets of a site that are requested."""
_ENOUGH = 2
"""Good checks in a row that outweigh a bad one; bad checks that confirm each other."""
_BETWEEN = 0.6


def observe(
    site: Site,
    *,
    before: Signals | None = None,
    folder: str = "",
    sub_sites: Sequence[str] = (),
    timing: Timing = TIMING,
    credentials: Mapping[str, str] = NO_HEADERS,
) -> Signals:
    """Check a site once: its pages as visitors get them and, for WordPress, pages without caches and more.

    Args:
        site: the site.
        before: an earlier check, with which this one will be compared. Slow pages get more time.
        folder: subfolder of WordPress, empty for none; that of `before` if given.
        sub_sites: front pages of other sites of the network; those of `before` if given.
        timing: the time limits.
        credentials: headers that give access to the site.
    """
    if before is not None:
        folder, sub_sites = before.folder, before.checked_sub_sites
    return _Observation(site, before, folder, sub_sites, timing, credentials).run()


@dataclass(frozen=True, slots=True)
class _Observation:
    """One check of a site. The arguments are those of `observe`."""

    site: Site
    before: Signals | None
    folder: str
    sub_sites: Sequence[str]
    timing: Timing
    credentials: Mapping[str, str]

    def run(self) -> Signals:
        at = datetime.now(UTC)
        baseline = self.before.baseline if self.before is not None else NO_BASELINE
        with self._checker() as checker:
            visitors = checker.check(self._timed(page_requests(self.site)))
            found = Signals(at=at, visitors=visitors, folder=self.folder, baseline=baseline)
            if any(check.page.status is None for check in visitors):
                return found  # a site that does not answer gets no more requests
            found = self._check_more(checker, found)
            if self.before is not None and compare(self.before, found):
                return found  # a request that allows caches could fill one with a broken page
            return self._check_cached(checker, found)

    def _checker(self, rules: Rules | None = None) -> PageChecker:
        return PageChecker(self.site, self.timing, rules=rules, credentials=self.credentials)

    def _check_more(self, checker: PageChecker, found: Signals) -> Signals:
        """Add what visitors do not see themselves, their stylesheets and the sub-sites."""
        uncached = checker.check(self._timed(uncached_requests(self.site, self.folder)))
        if self.before is not None:
            sources = self.before.sources
        else:
            feeds = found.visitors[0].traits.feeds
            sources = find_sources(self.site, self.folder, feeds, checker.fetch)
        machines = checker.check(self._timed(sources.requests())) if sources else ()
        stylesheets = list(own_stylesheets(self.site, found.visitors))[:_STYLESHEETS]
        return replace(
            found,
            uncached=uncached,
            machines=machines,
            sources=sources,
            stylesheets=_by_path(checker.statuses(stylesheets)),
            sub_sites=check_sub_sites(self.site, self.sub_sites, self.folder, self._checker),
        )

    def _check_cached(self, checker: PageChecker, found: Signals) -> Signals:
        """Add the pages as caches may serve them."""
        plain = checker.check(
            [
                replace(request, name=f"{request.name} (plain)", plain=True)
                for request in self._timed(page_requests(self.site))
            ]
        )
        known = list(own_stylesheets(self.site, found.visitors))[:_STYLESHEETS]
        more = [url for url in own_stylesheets(self.site, plain) if url not in known][:_STYLESHEETS]
        return replace(
            found, plain=plain, stylesheets={**found.stylesheets, **_by_path(checker.statuses(more))}
        )

    def _timed(self, requests: Iterable[PageRequest]) -> list[PageRequest]:
        """Return the requests with their time limits and the usual findings of their pages."""
        if self.before is None:
            return [replace(request, limit=self.timing.limit) for request in requests]
        known = {check.page.page: check for check in self.before.checks}
        limits = {name: _limit(check, self.timing.limit) for name, check in known.items()}
        return [
            replace(
                request,
                limit=limits.get(request.name, self.timing.limit),
                usual=self.before.baseline.of(request.name),
            )
            for request in requests
        ]


def _limit(before: PageCheck, limit: float) -> float:
    return max(limit, min(_SLOWER * before.page.seconds + limit / 2, _LONGEST))


def _by_path(statuses: Mapping[str, int | None]) -> dict[str, int | None]:
    return {parsed.path: status for url, status in statuses.items() if (parsed := parse_url(url))}


def settle(
    site: Site,
    first: Signals,
    *,
    boots: bool = True,
    timing: Timing = TIMING,
    credentials: Mapping[str, str] = NO_HEADERS,
) -> Signals:
    """Add the baseline to a check: if it has findings, a second check shows which of them are usual.

    Args:
        site: the site.
        first: the check.
        boots: whether WordPress starts with its plugins when run on its host.
        timing: the time limits.
        credentials: headers that give access to the site.
    """
    if first.healthy:
        return first

    def with_baseline(second: Signals) -> Signals:
        static = site.kind is SiteKind.STATIC
        found = establish(first.checks, second.checks, stated=site.stated, boots=boots, static=static)
        return replace(first, baseline=found)

    timing.pause(_BETWEEN)
    expected = replace(with_baseline(first), sub_sites={})
    once = replace(timing, patience=0.0)
    return with_baseline(observe(site, before=expected, timing=once, credentials=credentials))


def examine(
    site: Site,
    before: Signals,
    *,
    patience: float = 2.0,
    timing: Timing = TIMING,
    credentials: Mapping[str, str] = NO_HEADERS,
) -> tuple[Signals, tuple[str, ...]]:
    """Check a site until it is certain whether it is worse than before.

    Args:
        site: the site.
        before: the check before the change.
        patience: seconds for which a site must stay worse before it counts.
        timing: the time limits of each check. A bad answer is not retried within a check.
        credentials: headers that give access to the site.

    Returns:
        The last check, and what is worse in it.
    """

    def check_again(bad: int) -> Signals:
        once = replace(timing, patience=0.0, maintenance_wait=0.0 if bad else MAINTENANCE_WAIT)
        return observe(site, before=before, timing=once, credentials=credentials)

    return until_known(check_again, before, patience=patience, pause=timing.pause)


def until_known(
    check_again: Callable[[int], Signals],
    before: Signals,
    *,
    patience: float,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Signals, tuple[str, ...]]:
    """Repeat a check until its result is certain.

    One good check is enough, or two in a row after a bad one.

    Args:
        check_again: checks the site again. Its argument is the number of bad checks in a row so far.
        before: the check before the change.
        patience: seconds for which a site must stay worse before it counts.
        pause: sleeps between two checks.

    Returns:
        The last check, and what is worse in it.
    """
    end = time.monotonic() + patience
    good, bad = 0, 0
    while True:
        found = check_again(bad)
        regressions = compare(before, found)
        good, bad = (0, bad + 1) if regressions else (good + 1, bad)
        if not regressions and good >= (_ENOUGH if bad else 1):
            return found, ()
        if regressions and bad >= _ENOUGH and time.monotonic() >= end:
            return found, regressions
        pause(_BETWEEN)
