"""The baseline of a site that looks unhealthy on purpose. Pure functions.

A coming-soon page, a login page or a front page on another host looks like an error but is none. If two
checks agree while WordPress starts and wp-admin answers, their findings are usual for the site and do not
prevent a change. Different findings after the change are a regression. Blank pages and errors of PHP or the
server are never usual.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.verify.causes import REST
from runner.verify.judge import EMPTY, LACKS
from runner.verify.regressions import refused

if TYPE_CHECKING:
    from runner.model import PageLook
    from runner.verify.http import PageCheck

__all__ = ["NO_BASELINE", "Baseline", "Usual", "establish", "is_filled", "unusual_findings"]

_SERVER_ERROR = 500
_UNAVAILABLE = 503
_MISSING = frozenset({404, 410})
_NEVER_USUAL = (EMPTY, "cannot be checked")
"""Prefixes of findings that are never usual."""
_ADMIN = "admin-ajax.php"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A page that looks unhealthy, as it usually does."""

    page: str
    status: int | None
    findings: tuple[str, ...]
    """The findings of a health check."""
    cause: str = ""
    """The recognised cause, in a few words; empty if not recognised."""
    leads_to: str = ""
    """Target of its redirect: a path, preceded by the host if that differs; empty without a redirect."""

    def __str__(self) -> str:
        return f"{self.page}: {self.cause or '; '.join(self.findings)}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The usual findings of a site, by page. Healthy pages are not listed."""

    pages: tuple[Usual, ...] = ()
    fills: bool = False
    """A missing page may exist after a change: true for static sites."""

    def __str__(self) -> str:
        """List the pages with what is usual there; each cause is listed once."""
        first_pages: dict[str, str] = {}
        for one in self.pages:
            first_pages.setdefault(one.cause or "; ".join(one.findings), one.page)
        return "; ".join(f"{page}: {what}" for what, page in first_pages.items())

    def of(self, page: str) -> frozenset[str]:
        """Return the usual findings of a page."""
        return next((frozenset(one.findings) for one in self.pages if one.page == page), frozenset())

    def covers(self, page: PageLook) -> bool:
        """Whether all findings of a page are usual; also True without findings."""
        return not page.findings or self.of(page.page).issuperset(page.findings)

    @property
    def recognised(self) -> Baseline:
        """The pages whose cause was recognised."""
        return replace(self, pages=tuple(one for one in self.pages if one.cause))


NO_BASELINE = Baseline()


def establish(
    first: Sequence[PageCheck],
    second: Sequence[PageCheck],
    *,
    stated: Collection[str] = (),
    boots: bool = True,
    static: bool = False,
) -> Baseline:
    """Return the baseline of a site from two checks of it.

    Args:
        first: all pages of one check.
        second: all pages of the next check, in the same order.
        stated: pages whose status the inventory states: for these no finding is usual.
        boots: whether WordPress starts with its plugins when run on its host.
        static: whether it is a static site.

    Returns:
        The pages with usual findings; none if WordPress or wp-admin does not work.
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
                leads_to=new.traits.landed if _redirects(new) else "",
            )
            for old, new in zip(first, second, strict=True)
            if new.page.findings
            and not refused(new.page)
            and new.page.page.removesuffix(" (uncached)") not in stated
            and _agree(old, new)
            and _may_be_intended(new)
        ),
    )


def is_filled(old: PageCheck, new: PageCheck, baseline: Baseline) -> bool:
    """Whether a missing page of a static site exists now and is healthy."""
    return baseline.fills and old.page.status in _MISSING and new.page.healthy


def unusual_findings(checks: Sequence[PageCheck], baseline: Baseline = NO_BASELINE) -> tuple[str, ...]:
    """Return the findings that are not usual, each with its page; empty if the site may be changed.

    Pages that refused access are ignored: nothing was seen of them.
    """
    return tuple(
        f"{page.page}: {finding}"
        for page in (check.page for check in checks)
        if not refused(page) and not baseline.covers(page)
        for finding in page.findings
    )


def _admin_works(checks: Sequence[PageCheck]) -> bool:
    statuses = [check.page.status for check in checks if _ADMIN in check.page.page]
    return bool(statuses) and all(status is not None and status < _SERVER_ERROR for status in statuses)


def _agree(old: PageCheck, new: PageCheck) -> bool:
    if old.page.status is None and new.page.status is None:
        return True  # the findings of two missing answers differ only in their times
    return (
        old.page.status == new.page.status
        and old.page.findings == new.page.findings
        and (old.traits.landed == new.traits.landed or old.page.url != new.page.url)
        and old.traits.cause == new.traits.cause
    )


def _may_be_intended(check: PageCheck) -> bool:
    page, cause = check.page, check.traits.cause
    never = any(finding.startswith(_NEVER_USUAL) for finding in page.findings)
    if never or check.traits.broken or all(finding.startswith(LACKS) for finding in page.findings):
        return False
    if check.machine and page.page != REST:
        return True  # not visible to people
    if page.status is None or (page.page == REST and cause):
        return bool(cause)
    if page.status == _UNAVAILABLE:
        return bool(cause) or check.traits.content_size > 0
    return page.status < _SERVER_ERROR


def _redirects(check: PageCheck) -> bool:
    return any(finding.startswith("redirects to ") for finding in check.page.findings)
