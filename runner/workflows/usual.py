"""What `doctor` says of a site that looks unhealthy on purpose, with the line for the inventory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.verify import REST, Baseline, Usual
from runner.workflows.check import Check

if TYPE_CHECKING:
    from runner.model import Site, StatedPage

__all__ = ["about_usual", "pages_line"]

_PLAIN = re.compile(r"[\w/.~%?=&+-][\w/.~%?=&+:-]*")


def about_usual(site: Site, baseline: Baseline) -> Iterator[Check]:
    """What was recognised, and how to state it; nothing where the inventory says it already."""
    mine = tuple(one for one in baseline.pages if one.page in site.pages)
    if mine:
        yield Check(
            about=site.name,
            finding=f"looks unhealthy and is as usual: {Baseline(mine)}",
            hint=f"if that is right, state it in the inventory: {pages_line(site, baseline)}",
        )
    rest = next((one for one in baseline.pages if one.page == REST), None)
    if rest is not None:
        yield Check(
            about=site.name,
            finding=f"looks unhealthy and is as usual: {rest}",
            hint="if that is right, state it in the inventory: rest: closed",
        )
    elif baseline.pages and not mine and not site.stated:
        yield Check(about=site.name, finding=f"usual for it: {baseline}")


def pages_line(site: Site, baseline: Baseline) -> str:
    """The line `pages` of the site with its usual state in it, as YAML."""
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
    """As the inventory has it: a path of the site, or an address where it is another host's."""
    return landed if not landed or landed.startswith("/") else f"https://{landed}"


def _word(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
