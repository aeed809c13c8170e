"""Compare a page before and after a change. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.model import PageLook, Seen
from runner.untrusted import sentence
from runner.verify.traits import LOGIN_FORM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.verify.http import PageCheck

__all__ = ["CHILD", "refused", "regressions"]

CHILD = "the child sitemap "
"""Prefix of the page names of sitemaps that an index lists."""
_TOO_MANY = 429
_GONE = frozenset({404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Redirects, which visitors cannot tell apart. Their targets are compared instead."""
_SHRUNK = 0.5
"""A page with less than half of its content has lost something."""
_LARGE_LOSS = 200
"""Characters: a smaller loss is normal variation."""
_SMALL_LOSS = 20
"""Characters that a short page may lose."""


def refused(page: PageLook) -> bool:
    """Whether access to the page was refused (a firewall, a password), so that nothing was seen."""
    return page.seen is Seen.REFUSED


def regressions(
    old: PageCheck, new: PageCheck, noise: Sequence[PageCheck] = (), *, usual: frozenset[str] = frozenset()
) -> list[str]:
    """Return what is worse about a page, a sentence each.

    Args:
        old: the page before.
        new: the page after.
        noise: other checks from before. Their differences from `old` are normal variation.
        usual: usual findings of the page. A page without others counts as healthy.
    """
    was, now = old.page, new.page
    if refused(now) and (now.status in {was.status, _TOO_MANY}):
        return []
    added = [finding for finding in now.findings if finding not in usual.union(was.findings)]
    was_healthy = usual.issuperset(was.findings)
    if added:
        return added if was_healthy or now.status != was.status else []
    if not was_healthy or was.status is None:
        return []
    if old.machine and was.findings and not now.findings:
        return []  # a page that programs cannot read is never intended
    if now.status != was.status and not _REDIRECTS.issuperset({now.status, was.status}):
        return [] if _is_missing(was) or _is_renamed(now) else [f"answers {now.status}; it was {was.status}"]
    similar = [old, *(other for other in noise if usual.issuperset(other.page.findings))]
    return _lost(similar, new) + _lost_of_intended(similar, new)


def _is_missing(page: PageLook) -> bool:
    """Whether a page did not exist. It may redirect now, unless the status is stated."""
    return page.status == 404 and page.healthy  # noqa: PLR2004


def _is_renamed(page: PageLook) -> bool:
    """Whether a child sitemap is gone: it may have a new name."""
    return page.page.startswith(CHILD) and page.status in _GONE


def _lost_of_intended(before: Sequence[PageCheck], new: PageCheck) -> list[str]:
    """Return what an intended error page has lost. Such pages are short, so smaller losses count."""
    causes = {check.traits.cause for check in before}
    if len(causes) != 1 or causes == {""}:
        return []
    (cause,), least = causes, min(check.traits.content_size for check in before)
    if new.traits.cause != cause:
        return [f"no longer {cause}"]
    if (
        new.traits.content_size < least * _SHRUNK
        and _SMALL_LOSS < least - new.traits.content_size <= _LARGE_LOSS
    ):
        return ["has lost most of its content"]
    form = all(LOGIN_FORM in check.traits.signs for check in before)
    return ["has lost its login form"] if form and LOGIN_FORM not in new.traits.signs else []


def _lost(before: Sequence[PageCheck], new: PageCheck) -> list[str]:
    old, now = [check.traits for check in before], new.traits
    lost = []
    if all(one.stylesheets for one in old) and not now.stylesheets:
        lost.append("has lost its stylesheets")
    least = min(one.content_size for one in old)
    if now.content_size < least * _SHRUNK and least - now.content_size > _LARGE_LOSS:
        lost.append(f"has lost most of its content: {now.content_size} characters, {least} before")
    if all(one.closed for one in old) and not now.closed:
        lost.append("no longer ends with </html>")
    landed = {check.traits.landed for check in before if check.page.url == new.page.url}
    if len(landed) == 1 and now.landed not in landed and not _is_missing(new.page):
        lost.append(f"redirects to {_path(now.landed)} instead of {_path(old[0].landed)}")
    known = {sign for one in old for sign in one.signs}
    lost += [f"{sign} (new)" for sign in now.signs if sign not in known]
    return lost


def _path(landed: str) -> str:
    return sentence(landed or "/", 120)
