"""What is usual for a site: the measure of a change to one that looks unhealthy on purpose. Pure.

A coming-soon page, a login in front, a front page on another host look like errors and are none. What two
looks agree on, while WordPress starts and wp-admin answers, is the site's usual state: no reason to refuse a
change. What differs from it afterwards is worse.
White pages and errors of PHP or of the server are never usual.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.verify.causes import REST
from runner.verify.judge import EMPTY, LACKS
from runner.verify.worse import refused

if TYPE_CHECKING:
    from runner.model import PageLook
    from runner.verify.http import Sight

__all__ = ["NO_BASELINE", "Baseline", "Usual", "establish", "filled", "refuses"]

_SERVER_ERROR = 500
_UNAVAILABLE = 503
_MISSING = frozenset({404, 410})
_NEVER = (EMPTY, "cannot be judged")
_ADMIN = "admin-ajax.php"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """One page that looks unhealthy and is as it always is."""

    page: str
    status: int | None
    findings: tuple[str, ...]
    """What would be wrong with it elsewhere."""
    cause: str = ""
    """What it is, in a few words; empty where that was not recognised."""
    leads_to: str = ""
    """Where it leads: a path, after the host where that is another; empty where it leads nowhere."""

    def __str__(self) -> str:
        return f"{self.page}: {self.cause or '; '.join(self.findings)}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual for a site, by page; the pages that are well are not in it."""

    pages: tuple[Usual, ...] = ()
    fills: bool = False
    """A page that is not there may be there after a change: files are what a static site shows."""

    def __str__(self) -> str:
        """For people: each page and what is usual there, the same cause once."""
        said: dict[str, str] = {}
        for one in self.pages:
            said.setdefault(one.cause or "; ".join(one.findings), one.page)
        return "; ".join(f"{page}: {what}" for what, page in said.items())

    def of(self, page: str) -> frozenset[str]:
        """The findings that are usual for a page."""
        return next((frozenset(one.findings) for one in self.pages if one.page == page), frozenset())

    def covers(self, page: PageLook) -> bool:
        """Whether all that was found at a page is usual there; True where nothing was found."""
        return not page.findings or self.of(page.page).issuperset(page.findings)

    @property
    def recognised(self) -> Baseline:
        """The part of it of which it is known what it is."""
        return replace(self, pages=tuple(one for one in self.pages if one.cause))


NO_BASELINE = Baseline()


def establish(
    first: Sequence[Sight],
    second: Sequence[Sight],
    *,
    stated: Collection[str] = (),
    boots: bool = True,
    static: bool = False,
) -> Baseline:
    """What is usual for a site, from two looks at it.

    Args:
        first: one look, all of its pages.
        second: another, in the same order.
        stated: pages of which the inventory says how they are: otherwise is never usual.
        boots: whether WordPress starts with its plugins, as its host reads it.
        static: whether it is files and nothing else.

    Returns:
        The pages that look unhealthy and are usual; none where WordPress or wp-admin does not work.
    """
    if not boots or len(first) != len(second) or not (static or _admin_works(second)):
        return NO_BASELINE
    return Baseline(
        fills=static,
        pages=tuple(
            Usual(
                page=new.page.page,
                status=new.page.status,
                findings=tuple(dict.fromkeys((*old.page.findings, *new.page.findings))),
                cause=new.traits.cause,
                leads_to=new.traits.landed if _leads_away(new) else "",
            )
            for old, new in zip(first, second, strict=True)
            if new.page.findings
            and not refused(new.page)
            and new.page.page.removesuffix(" (uncached)") not in stated
            and _alike(old, new)
            and _may_be_meant(new)
        ),
    )


def filled(old: Sight, new: Sight, baseline: Baseline) -> bool:
    """Whether a page that was not there is there now, and well, on a site that is files."""
    return baseline.fills and old.page.status in _MISSING and new.page.healthy


def refuses(sights: Sequence[Sight], baseline: Baseline = NO_BASELINE) -> tuple[str, ...]:
    """Why a site is not well enough to be changed, each finding with its page; empty where it is.

    Where we are not let in, nothing was seen, good or bad.
    """
    return tuple(
        f"{page.page}: {finding}"
        for page in (sight.page for sight in sights)
        if not refused(page) and not baseline.covers(page)
        for finding in page.findings
    )


def _admin_works(sights: Sequence[Sight]) -> bool:
    found = [sight.page.status for sight in sights if _ADMIN in sight.page.page]
    return bool(found) and all(status is not None and status < _SERVER_ERROR for status in found)


def _alike(old: Sight, new: Sight) -> bool:
    if old.page.status is None and new.page.status is None:
        return True  # silence has no words of its own, only ours, with the time in them
    return (
        old.page.status == new.page.status
        and old.page.findings == new.page.findings
        and (old.traits.landed == new.traits.landed or old.page.url != new.page.url)
        and old.traits.cause == new.traits.cause
    )


def _may_be_meant(sight: Sight) -> bool:
    page, cause = sight.page, sight.traits.cause
    never = any(finding.startswith(_NEVER) for finding in page.findings)
    if never or sight.traits.broken or all(finding.startswith(LACKS) for finding in page.findings):
        return False
    if sight.machine and page.page != REST:
        return True  # people see nothing of it
    if page.status is None or (page.page == REST and cause):
        return bool(cause)
    if page.status == _UNAVAILABLE:
        return bool(cause) or sight.traits.substance > 0
    return page.status < _SERVER_ERROR


def _leads_away(sight: Sight) -> bool:
    return any(finding.startswith("leads ") for finding in sight.page.findings)
