"""Regressions after a change, found by comparing the facts read before and after it."""

from __future__ import annotations

from runner.model import Extension, SiteFacts
from runner.steps.wordpress.program_output import marked, texts

__all__ = ["damage", "half_done"]


def damage(before: SiteFacts, after: SiteFacts | None, problem: str = "") -> str:
    """The first regression, as a sentence; empty if there is none.

    An update that did not happen is not a regression. Neither is maintenance mode, which may end by itself:
    the health check shows whether it does.
    """
    if after is None:
        return problem or "the site can no longer be read"
    if after.crippled and not before.crippled:
        return f"WordPress no longer starts: {after.crippled}"
    for name in ("home", "siteurl"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} is now {getattr(after, name)}; it was {getattr(before, name)}"
    missing = {"no longer there": _gone(before, after), "no longer active": _inactive(before, after)}
    for words, items in missing.items():
        if items:
            return f"{words}: {', '.join(items)}"
    return ""


def half_done(before: SiteFacts, after: SiteFacts | None, output: str, mark: str) -> str:
    """The item on which the upgrader failed after its version had changed, as a sentence; empty if none."""
    reports = {texts(data.get("item")): data for data in marked(output, mark)}
    old, new = (_versions(facts) for facts in (before, after or before))
    for item, data in reports.items():
        if data.get("state") == "failed" and item in old and new.get(item) != old[item]:
            return f"{item} is only partly installed: {texts(data.get('why'))}"
    return ""


def _versions(facts: SiteFacts) -> dict[str, str]:
    return {entry.slug: entry.version for entry in (*facts.themes, *facts.plugins)}


def _gone(before: SiteFacts, after: SiteFacts) -> list[str]:
    present = {entry.slug for entry in (*after.plugins, *after.themes)}
    return [entry.slug for entry in (*before.plugins, *before.themes) if entry.slug not in present]


def _inactive(before: SiteFacts, after: SiteFacts) -> list[str]:
    found = []
    for old, new in ((before.plugins, after.plugins), (before.themes, after.themes)):
        still = {_name(entry) for entry in new if entry.active}
        found += [entry.slug for entry in old if entry.active and _name(entry) not in still]
    return found


def _name(entry: Extension) -> str:
    return entry.file or entry.slug
