"""The signals of a WordPress site from outside, none of which a page cache can fake, and their comparison.

A site is compared with itself a moment before, not with an ideal: what was wrong before is not our doing.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from runner.model import Look, PageLook, Site, SiteKind
from runner.verify.http import browser, fetch, look
from runner.verify.judge import Expectation, judge

if TYPE_CHECKING:
    import httpx

    from runner.verify.judge import Answer

__all__ = ["Signals", "compare", "observe"]

_SHRUNK = 0.5
"""A page of less than half of its former size has lost something."""
_SERVER_ERROR = 500
_MAINTENANCE = 503
_PATIENCE = 12.0
"""Seconds for which a 503 is waited for: an update's own closed door opens again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What was seen of a site. `rest` and `ajax` are None for a site that is not WordPress."""

    pages: Look
    rest: PageLook | None = None
    """The root of the REST interface, parsed."""
    ajax: PageLook | None = None
    """wp-admin without a login: an action that nobody handles."""

    @property
    def looks(self) -> tuple[PageLook, ...]:
        """All of them."""
        return (*self.pages.pages, *(found for found in (self.rest, self.ajax) if found is not None))

    @property
    def healthy(self) -> bool:
        """Every page is well, and WordPress answers behind them."""
        return not self.findings

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong, each with its page."""
        return tuple(f"{found.page}: {finding}" for found in self.looks for finding in found.findings)


def observe(
    site: Site, *, limit: float = 8.0, patience: float = 3.0, pause: Callable[[float], None] = time.sleep
) -> Signals:
    """Look at a site: its pages as visitors see them and, for WordPress, what is behind them.

    Args:
        site: where.
        limit: seconds for one request.
        patience: seconds for which a bad answer is asked again.
        pause: waits between two tries.
    """
    pages = look(site, Expectation(text=site.expect), limit=limit, patience=patience, pause=pause)
    if any(page.status == _MAINTENANCE for page in pages.pages):
        pages = look(site, Expectation(text=site.expect), limit=limit, patience=_PATIENCE, pause=pause)
    if site.kind is not SiteKind.WORDPRESS:
        return Signals(pages=pages)
    with browser(limit) as client:
        return Signals(
            pages=pages,
            rest=_probe(client, site, "?rest_route=/", _rest, limit),
            ajax=_probe(client, site, "wp-admin/admin-ajax.php?action=sitecrew_look", _ajax, limit),
        )


def compare(before: Signals, after: Signals) -> tuple[str, ...]:
    """What is worse than it was, a sentence each; empty when nothing is."""
    found: list[str] = []
    for old, new in zip(before.looks, after.looks, strict=True):
        found += [f"{new.page}: {sentence}" for sentence in _worse(old, new)]
    return tuple(found)


def _worse(old: PageLook, new: PageLook) -> list[str]:
    fresh = [finding for finding in new.findings if finding not in old.findings]
    if fresh:
        return fresh if old.healthy or new.status != old.status else []
    if not old.healthy:
        return []
    found = []
    if new.status != old.status:
        found.append(f"answers {new.status}; it was {old.status}")
    if old.stylesheets and not new.stylesheets:
        found.append("has lost its stylesheets")
    if new.size < old.size * _SHRUNK:
        found.append(f"shrank from {old.size} to {new.size} bytes")
    return found


def _probe(
    client: httpx.Client, site: Site, path: str, judged: Callable[[Answer], tuple[str, ...]], limit: float
) -> PageLook:
    url = urljoin(site.url.rstrip("/") + "/", path)
    began = time.monotonic()
    answer = fetch(client, f"{url}&sitecrew={secrets.token_hex(6)}", limit)
    findings = (answer.failure,) if answer.failure else judged(answer)
    return PageLook(
        page=f"/{path}",
        url=url,
        status=answer.status,
        seconds=round(time.monotonic() - began, 3),
        size=len(answer.body),
        findings=findings,
    )


def _rest(answer: Answer) -> tuple[str, ...]:
    """A REST root that was switched off (401, 403, 404) is no finding; one that cannot be parsed is."""
    if answer.status is None or answer.status >= _SERVER_ERROR:
        return judge(answer, Expectation())
    if answer.status != 200:  # noqa: PLR2004
        return ()
    try:
        root = json.loads(answer.body.decode("utf-8-sig"))
    except ValueError:
        return ("the REST interface answers something that is not JSON",)
    return () if isinstance(root, dict) else ("the REST interface answers something else than its root",)


def _ajax(answer: Answer) -> tuple[str, ...]:
    """WordPress answers 400 to an unknown action, a firewall may say 403. Only an error is a finding."""
    if answer.status is None or answer.status >= _SERVER_ERROR:
        return (f"answers {answer.status}: wp-admin does not work",)
    return ()
