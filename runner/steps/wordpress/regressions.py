"""Whether a change has done harm, as far as the host can tell: the site as read before and after."""

from __future__ import annotations

from runner.model import Extension, SiteFacts
from runner.steps.wordpress.program_output import marked, texts

__all__ = ["damage", "half_done"]


def damage(before: SiteFacts, after: SiteFacts | None, problem: str = "") -> str:
    """What is broken now and was not before, in a sentence; empty where nothing is.

    An update that did not happen is no damage: the site is as it was. Nor is a closed door, which may open
    again: visitors' pages tell whether it does.
    """
    if after is None:
        return problem or "the site could not be read any more"
    if after.crippled and not before.crippled:
        return f"WordPress does not start any more: {after.crippled}"
    for name in ("home", "siteurl"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} is now {getattr(after, name)}; it was {getattr(before, name)}"
    missing = {"no longer there": _gone(before, after), "no longer active": _inactive(before, after)}
    for words, items in missing.items():
        if items:
            return f"{words}: {', '.join(items)}"
    return ""


def half_done(before: SiteFacts, after: SiteFacts | None, output: str, mark: str) -> str:
    """Which item the upgrader gave up in the middle, although its version is another now, in a sentence."""
    said = {texts(data.get("item")): data for data in marked(output, mark)}
    was, now = (_versions(facts) for facts in (before, after or before))
    for item, data in said.items():
        if data.get("state") == "failed" and item in was and now.get(item) != was[item]:
            return f"{item} is only half there: {texts(data.get('why'))}"
    return ""


def _versions(facts: SiteFacts) -> dict[str, str]:
    return {entry.slug: entry.version for entry in (*facts.themes, *facts.plugins)}


def _gone(before: SiteFacts, after: SiteFacts) -> list[str]:
    there = {entry.slug for entry in (*after.plugins, *after.themes)}
    return [entry.slug for entry in (*before.plugins, *before.themes) if entry.slug not in there]


def _inactive(before: SiteFacts, after: SiteFacts) -> list[str]:
    found = []
    for old, new in ((before.plugins, after.plugins), (before.themes, after.themes)):
        still = {_name(entry) for entry in new if entry.active}
        found += [entry.slug for entry in old if entry.active and _name(entry) not in still]
    return found


def _name(entry: Extension) -> str:
    return entry.file or entry.slug
