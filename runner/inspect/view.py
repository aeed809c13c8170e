"""The results of a health check as findings need them, and the `pages` line for the inventory."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from runner.model import View
from runner.verify import REST, Baseline, Usual

if TYPE_CHECKING:
    from runner.model import Site, StatedPage
    from runner.verify import Signals

__all__ = ["pages_line", "view_of"]

_PLAIN = re.compile(r"[\w/.~%?=&+-][\w/.~%?=&+:-]*")


def view_of(site: Site, seen: Signals) -> View:
    """Return the results of a health check as the input of findings."""
    refused = [page for page in seen.looks if page.refusal]
    mine = tuple(one for one in seen.baseline.pages if one.page in site.pages)
    rest = next((one for one in seen.baseline.pages if one.page == REST), None)
    return View(
        findings=seen.findings,
        remedy="open the page; correct `url`, `pages` or `expect`",
        refusals=tuple(
            f"{page.page}: {finding}" for page in seen.pages if page.refusal for finding in page.findings
        ),
        refusal=next((page.refusal for page in refused), ""),
        inside=seen.refused and seen.inside is not None and seen.inside.seen,
        unverified=seen.unverified,
        usual=str(Baseline(mine)) if mine else "",
        usual_rest=str(rest) if rest is not None else "",
        usual_behind="" if mine or rest or site.stated else str(seen.baseline),
        pages_line=pages_line(site, seen.baseline) if mine else "",
    )


def pages_line(site: Site, baseline: Baseline) -> str:
    """Return the `pages` line of a site with the states that are normal for it, as YAML."""
    usual = {one.page: one for one in baseline.pages}
    return (
        f"pages: [{', '.join(_entry(page, usual.get(page), site.stated.get(page)) for page in site.pages)}]"
    )


def _entry(page: str, usual: Usual | None, stated: StatedPage | None) -> str:
    leads_to, status = (stated.leads_to, stated.status) if stated else ("", None)
    if usual is not None:
        leads_to = _address(usual.leads_to)
        status = None if leads_to else usual.status
    if leads_to:
        return f"{{path: {_word(page)}, leads_to: {_word(leads_to)}}}"
    return f"{{path: {_word(page)}, status: {status}}}" if status else _word(page)


def _address(landed: str) -> str:
    """Return a path of the site unchanged, and an address on another host as a URL."""
    return landed if not landed or landed.startswith("/") else f"https://{landed}"


def _word(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
