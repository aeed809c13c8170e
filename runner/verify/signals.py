"""The results of a health check of a site, from outside and, if necessary, from its own host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.model import PageLook, Seen
from runner.verify.baseline import NO_BASELINE, Baseline, unusual_findings
from runner.verify.causes import REST, hides_site
from runner.verify.http import PageCheck
from runner.verify.inside import Inside
from runner.verify.requests import MISSING_PAGE
from runner.verify.sources import Sources

__all__ = ["Signals"]

_SERVER_ERROR = 500
_ADMIN = "admin-ajax.php"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The results of a health check, by kind of signal."""

    at: datetime
    visitors: tuple[PageCheck, ...]
    """The site's `pages` as visitors get them."""
    uncached: tuple[PageCheck, ...] = ()
    """WordPress without its caches; empty for static sites."""
    stylesheets: Mapping[str, int | None] = field(default_factory=dict)
    """The statuses of the site's own stylesheets, by path."""
    folder: str = ""
    """Subfolder of WordPress, such as `wp/`; empty for none."""
    sub_sites: Mapping[str, PageCheck] = field(default_factory=dict)
    """Other sites of the network, by URL: front pages, and program requests of the first few. They are only
    compared: findings from before do not prevent a change of the network."""
    plain: tuple[PageCheck, ...] = ()
    """The pages requested once more, last, allowing caches; empty if the site is already worse."""
    inside: Inside | None = None
    """The site as requested from its own host, if visitors get no page."""
    machines: tuple[PageCheck, ...] = ()
    """Documents that programs read: feeds, sitemaps, cron."""
    sources: Sources | None = None
    """The URLs of the documents; None if they were not looked up."""
    baseline: Baseline = NO_BASELINE
    """The usual findings of the site."""
    pace: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Seconds of several uncached answers, by page; empty if not measured."""

    @property
    def checks(self) -> tuple[PageCheck, ...]:
        """All checks of the site from outside, in a fixed order."""
        return (*self.visitors, *self.uncached, *self.machines)

    @property
    def checked_sub_sites(self) -> tuple[str, ...]:
        """URLs of the front pages of other sites of the network that were checked."""
        return tuple(url for url, check in self.sub_sites.items() if not check.machine)

    @property
    def _all_checks(self) -> tuple[PageCheck, ...]:
        return (*self.checks, *(self.inside.checks if self.inside is not None else ()))

    @property
    def looks(self) -> tuple[PageLook, ...]:
        """The result of each page."""
        return tuple(check.page for check in self._all_checks)

    @property
    def pages(self) -> tuple[PageLook, ...]:
        """The results of the site's `pages` as visitors get them."""
        return tuple(check.page for check in self.visitors)

    @property
    def healthy(self) -> bool:
        """Whether there are no findings except usual ones."""
        return not self.findings

    @property
    def refused(self) -> bool:
        """Whether access to all pages was refused."""
        return all(check.page.seen is Seen.REFUSED for check in self.visitors)

    @property
    def kept_out(self) -> bool:
        """Whether visitors get no page of the site, but a refusal, a login or a coming-soon page."""
        return all(
            check.page.seen is Seen.REFUSED or hides_site(check.traits.cause) for check in self.visitors
        )

    @property
    def admin_refused(self) -> bool:
        """Whether access to wp-admin was refused."""
        return any(check.page.seen is Seen.REFUSED and _ADMIN in check.page.page for check in self.uncached)

    @property
    def verified(self) -> bool:
        """Whether at least one page was seen, as visitors get it or from the site's own host."""
        inside = self.inside is not None and self.inside.seen
        return inside or any(check.page.seen is Seen.SEEN for check in self.visitors)

    @property
    def unverified(self) -> str:
        """Why no page was seen; empty if one was."""
        if self.verified:
            return ""
        refusals = [page.refusal for page in self.looks if page.refusal]
        inside = self.inside.why if self.inside is not None else ""
        return "; ".join(filter(None, (*refusals[:1], inside))) or "no answer"

    @property
    def findings(self) -> tuple[str, ...]:
        """The findings that are not usual, each with its page."""
        return unusual_findings(self._all_checks, self.baseline)

    @property
    def usual(self) -> dict[str, int]:
        """The statuses of pages that look unhealthy as usual, by the names that the host checks use."""
        names = {"/": "page", MISSING_PAGE: "none", REST: "rest"}
        return {
            names[page.page]: page.status
            for page in self.looks
            if page.page in names
            and page.status
            and self.baseline.covers(page)
            and (page.findings or page.status >= _SERVER_ERROR)
        }

    @property
    def cached(self) -> tuple[str, ...]:
        """Answers that came from a cache and so prove nothing: the page and the header of the cache."""
        return tuple(
            f"{one.page.page}: {one.traits.cached}"
            for one in self.checks
            if one.traits.cached and not one.machine
        )
