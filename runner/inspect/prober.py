"""Requests to a site from outside: visitors' pages and what programs read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runner.errors import SitecrewError
from runner.hosts.boundary import within
from runner.model import Look, PageLook, Seen, Site, SiteFacts
from runner.verify import (
    Expectation,
    PageCheck,
    Signals,
    Timing,
    access_headers,
    examine,
    look,
    observe,
    sample,
    settle,
)
from runner.verify.http import MAINTENANCE_WAIT, PageChecker

if TYPE_CHECKING:
    from runner.load import Redactor
    from runner.web import Answer

__all__ = ["HttpProber", "Prober", "failed_check"]

_OPEN = 3.0
"""Seconds to wait for the end of a maintenance page where the host says that no update caused it."""


class Prober(Protocol):
    """Requests to one site from outside. No method raises: what prevents a request becomes a finding."""

    def observe(self, facts: SiteFacts | None = None, sub_sites: Sequence[str] = ()) -> Signals:
        """Request everything once."""

    def settle(self, first: Signals, *, boots: bool = True) -> Signals:
        """Return `first` with the site's baseline: what looks unhealthy and is usual for it.

        Args:
            first: what `observe` returned.
            boots: whether WordPress starts.
        """

    def examine(self, before: Signals, *, patience: float) -> tuple[Signals, tuple[str, ...]]:
        """Request everything until it is certain whether the site is worse than before.

        Args:
            before: the results to compare with.
            patience: seconds for which a site must stay worse.

        Returns:
            The last results, and what is worse.
        """

    def look(self, expected: Expectation, *, pages: Sequence[str] | None = None) -> Look:
        """Request pages and compare them with what is expected; by default the site's `pages`."""

    def sample(self, pages: Sequence[str] = ()) -> Mapping[str, tuple[float, ...]]:
        """Measure how long pages take, in seconds."""

    def fetch(self, url: str) -> Answer | None:
        """Request another address of the site; None if it could not be requested."""


class HttpProber:
    """Requests over HTTP.

    Args:
        site: to check.
        limit: seconds for one round of requests.
        redactor: resolves and learns the site's credentials.
        folder: of the workspace, to which secret references are relative.
    """

    def __init__(self, site: Site, *, limit: float, redactor: Redactor, folder: Path) -> None:
        self._site, self._limit = site, limit
        self._redactor, self._folder = redactor, folder

    def observe(self, facts: SiteFacts | None = None, sub_sites: Sequence[str] = ()) -> Signals:
        """See `Prober`."""
        found = within(
            lambda: observe(
                self._site,
                folder=facts.folder if facts else "",
                sub_sites=sub_sites,
                timing=Timing(
                    limit=self._limit,
                    maintenance_wait=MAINTENANCE_WAIT if facts is None or facts.maintenance else _OPEN,
                ),
                credentials=self._credentials(),
            )
        )
        return failed_check(self._site, found) if isinstance(found, SitecrewError) else found

    def settle(self, first: Signals, *, boots: bool = True) -> Signals:
        """See `Prober`."""
        found = within(
            lambda: settle(
                self._site, first, boots=boots, timing=self._timing, credentials=self._credentials()
            )
        )
        return first if isinstance(found, SitecrewError) else found

    def examine(self, before: Signals, *, patience: float) -> tuple[Signals, tuple[str, ...]]:
        """See `Prober`."""
        found = within(
            lambda: examine(
                self._site, before, patience=patience, timing=self._timing, credentials=self._credentials()
            )
        )
        if isinstance(found, SitecrewError):
            seen = failed_check(self._site, found)
            return seen, seen.findings
        return found

    def look(self, expected: Expectation, *, pages: Sequence[str] | None = None) -> Look:
        """See `Prober`."""
        found = within(
            lambda: look(
                self._site, expected, pages=pages, timing=self._timing, credentials=self._credentials()
            )
        )
        if isinstance(found, SitecrewError):
            page = failed_check(self._site, found).visitors[0].page
            return Look(site=self._site.name, at=datetime.now(UTC), pages=(page,))
        return found

    def sample(self, pages: Sequence[str] = ()) -> Mapping[str, tuple[float, ...]]:
        """See `Prober`."""
        found = within(
            lambda: sample(self._site, pages=pages, limit=self._limit, credentials=self._credentials())
        )
        return {} if isinstance(found, SitecrewError) else found

    def fetch(self, url: str) -> Answer | None:
        """See `Prober`."""

        def request() -> Answer:
            with PageChecker(self._site, self._timing, credentials=self._credentials()) as checker:
                return checker.fetch(url)

        found = within(request)
        return None if isinstance(found, SitecrewError) else found

    @property
    def _timing(self) -> Timing:
        return Timing(limit=self._limit)

    def _credentials(self) -> dict[str, str]:
        """Return the headers that give access to the site. The redactor learns each value as it is sent."""
        found = access_headers(self._site.access, lambda ref: self._redactor.resolve(ref, base=self._folder))
        for value in found.values():
            self._redactor.add(value.rpartition(" ")[2])
        return found


def failed_check(site: Site, error: SitecrewError) -> Signals:
    """Return results that contain only the reason why there are none."""
    page = PageLook(
        page="/",
        url=site.url,
        status=None,
        seconds=0.0,
        findings=(f"could not be checked: {error}",),
        seen=Seen.ABSENT,
    )
    return Signals(at=datetime.now(UTC), visitors=(PageCheck(page),))
