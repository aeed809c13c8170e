"""Compare a page before and after a change. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.model import PageLook, Seen
from runner.untrusted import sentence
from runner.verify.traits import LOGIN_FORM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.verify.http import Sight

__all__ = ["CHILD", "refused", "worse"]

CHILD = "the child sitemap "
"""How the names of sitemaps begin that an index names."""
_TOO_MANY = 429
_GONE = frozenset({404, 410})
_LEADS = frozenset({301, 302, 303, 307, 308})
"""Redirects, which are one to visitors: where they lead is compared."""
_SHRUNK = 0.5
"""A page with less than half of what it had has lost something."""
_ENOUGH = 200
"""Letters: a smaller loss is a shorter quotation."""
_FEW = 20
"""Letters that a short page may lose."""


def refused(page: PageLook) -> bool:
    """Whether access to the page was refused (a firewall, a password), so that nothing was seen."""
    return page.seen is Seen.REFUSED


def worse(
    old: Sight, new: Sight, noise: Sequence[Sight] = (), *, usual: frozenset[str] = frozenset()
) -> list[str]:
    """What is worse about a page, a sentence each.

    Args:
        old: how it was.
        new: how it is.
        noise: further looks at it from before: in what they differ from `old`, the page varies by itself.
        usual: findings that are usual for it: a page without others was well.
    """
    was, now = old.page, new.page
    if refused(now) and (now.status in {was.status, _TOO_MANY}):
        return []
    fresh = [finding for finding in now.findings if finding not in usual.union(was.findings)]
    well = usual.issuperset(was.findings)
    if fresh:
        return fresh if well or now.status != was.status else []
    if not well or was.status is None:
        return []
    if old.machine and was.findings and not now.findings:
        return []  # what programs could not read is never meant
    if now.status != was.status and not _LEADS.issuperset({now.status, was.status}):
        return [] if _is_missing(was) or _has_gone(now) else [f"answers {now.status}; it was {was.status}"]
    alike = [old, *(other for other in noise if usual.issuperset(other.page.findings))]
    return _lost(alike, new) + _meant(alike, new)


def _is_missing(page: PageLook) -> bool:
    """A page that was not there may lead elsewhere now; one that is meant to answer so is another thing."""
    return page.status == 404 and page.healthy  # noqa: PLR2004


def _has_gone(page: PageLook) -> bool:
    """A sitemap that an index names may have another name now."""
    return page.page.startswith(CHILD) and page.status in _GONE


def _meant(before: Sequence[Sight], new: Sight) -> list[str]:
    """What is lost of a page that looks like an error and is meant: it is short, so less is enough."""
    causes = {sight.traits.cause for sight in before}
    if len(causes) != 1 or causes == {""}:
        return []
    (cause,), least = causes, min(sight.traits.substance for sight in before)
    if new.traits.cause != cause:
        return [f"is not {cause} any more"]
    if new.traits.substance < least * _SHRUNK and _FEW < least - new.traits.substance <= _ENOUGH:
        return ["has lost most of what it showed"]
    form = all(LOGIN_FORM in sight.traits.signs for sight in before)
    return ["has lost its login form"] if form and LOGIN_FORM not in new.traits.signs else []


def _lost(before: Sequence[Sight], new: Sight) -> list[str]:
    old, now = [sight.traits for sight in before], new.traits
    found = []
    if all(one.stylesheets for one in old) and not now.stylesheets:
        found.append("has lost its stylesheets")
    least = min(one.substance for one in old)
    if now.substance < least * _SHRUNK and least - now.substance > _ENOUGH:
        found.append(f"has lost most of what it showed: {now.substance} letters and pictures, of {least}")
    if all(one.closed for one in old) and not now.closed:
        found.append("no longer ends with </html>")
    landed = {sight.traits.landed for sight in before if sight.page.url == new.page.url}
    if len(landed) == 1 and now.landed not in landed and not _is_missing(new.page):
        found.append(f"leads to {_path(now.landed)}; it led to {_path(old[0].landed)}")
    known = {sign for one in old for sign in one.signs}
    found += [f"{sign}, and did not before" for sign in now.signs if sign not in known]
    return found


def _path(landed: str) -> str:
    return sentence(landed or "/", 120)
