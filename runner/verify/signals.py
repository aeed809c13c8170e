"""What was seen of a site, from outside and where need be from its own host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.model import PageLook, Seen
from runner.verify.asks import NOWHERE
from runner.verify.baseline import NO_BASELINE, Baseline, refuses
from runner.verify.causes import REST, is_door
from runner.verify.http import Sight
from runner.verify.inside import Inside
from runner.verify.sources import Sources

__all__ = ["Signals"]

_SERVER_ERROR = 500
_ADMIN = "admin-ajax.php"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What was seen of a site: each sight by the kind of signal and the name of its page."""

    at: datetime
    visitors: tuple[Sight, ...]
    """The pages of `pages`, as visitors get them."""
    uncached: tuple[Sight, ...] = ()
    """WordPress behind its caches; none for a site that is not WordPress."""
    stylesheets: Mapping[str, int | None] = field(default_factory=dict)
    """How the site's own are answered, by their paths."""
    folder: str = ""
    """Of WordPress below the site's address, like `wp/`, where it has one of its own."""
    sub_sites: Mapping[str, Sight] = field(default_factory=dict)
    """Other sites of the network, by addresses: front pages, and what is behind some of them. What was wrong
    with one is no reason to leave the others as they are, so these are compared and nothing else."""
    plain: tuple[Sight, ...] = ()
    """The pages once more, asked last and so that caches may answer; none where the site is worse anyway."""
    inside: Inside | None = None
    """The site as its own host got it, where visitors get no page of it."""
    machines: tuple[Sight, ...] = ()
    """What programs read: feeds, sitemaps, cron."""
    sources: Sources | None = None
    """Where these were found; None where nobody looked for them."""
    baseline: Baseline = NO_BASELINE
    """What is usual for the site though it looks unhealthy."""
    pace: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Seconds of several answers of its pages, past caches; empty where nobody measured."""

    @property
    def sights(self) -> tuple[Sight, ...]:
        """All of them, in an order that does not change."""
        return (*self.visitors, *self.uncached, *self.machines)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Front pages of other sites of the network that were looked at."""
        return tuple(url for url, sight in self.sub_sites.items() if not sight.machine)

    @property
    def _with_inside(self) -> tuple[Sight, ...]:
        return (*self.sights, *(self.inside.sights if self.inside is not None else ()))

    @property
    def looks(self) -> tuple[PageLook, ...]:
        """Each page as it was answered."""
        return tuple(sight.page for sight in self._with_inside)

    @property
    def pages(self) -> tuple[PageLook, ...]:
        """Those of `pages`, as visitors get them."""
        return tuple(sight.page for sight in self.visitors)

    @property
    def healthy(self) -> bool:
        """Nothing is wrong with what could be seen."""
        return not self.findings

    @property
    def refused(self) -> bool:
        """Every page of visitors was refused."""
        return all(sight.page.seen is Seen.REFUSED for sight in self.visitors)

    @property
    def kept_out(self) -> bool:
        """Visitors get no page of the site: they are refused, or see a login or a coming-soon page."""
        return all(sight.page.seen is Seen.REFUSED or is_door(sight.traits.cause) for sight in self.visitors)

    @property
    def admin_refused(self) -> bool:
        """wp-admin does not let us in."""
        return any(sight.page.seen is Seen.REFUSED and _ADMIN in sight.page.page for sight in self.uncached)

    @property
    def verified(self) -> bool:
        """At least one of the pages was seen as visitors get it, or on the site's own host."""
        inside = self.inside is not None and self.inside.seen
        return inside or any(sight.page.seen is Seen.SEEN for sight in self.visitors)

    @property
    def unverified(self) -> str:
        """Why nobody could see the site, in a sentence; empty where somebody could."""
        if self.verified:
            return ""
        refusals = [page.refusal for page in self.looks if page.refusal]
        inside = self.inside.why if self.inside is not None else ""
        return "; ".join(filter(None, (*refusals[:1], inside))) or "no answer came"

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong and not usual, each with its page."""
        return refuses(self._with_inside, self.baseline)

    @property
    def usual(self) -> dict[str, int]:
        """Statuses of what looks unhealthy and is meant so, by the names that hosts have for the pages."""
        names = {"/": "page", NOWHERE: "none", REST: "rest"}
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
        """Answers that came from a cache, and so are no evidence: the page and what the cache said."""
        return tuple(
            f"{one.page.page}: {one.traits.cached}"
            for one in self.sights
            if one.traits.cached and not one.machine
        )
