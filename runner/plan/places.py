"""Where a site says that its files are: never in the folder of another site of the inventory."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Site, SiteFacts

__all__ = ["stray_folder"]


def stray_folder(facts: SiteFacts, site: Site, inventory: Iterable[Site]) -> str:
    """A folder that the site names and that belongs to another site of its host; empty where none does.

    A folder belongs to the site whose own folder is the longest one around it. Sites of one network share one
    folder. Folders around which no site is, such as a WordPress that several share, are nobody's.
    """
    roots = {other.path.rstrip("/") for other in inventory if other.host == site.host and other.path}
    for folder in (
        facts.root,
        facts.content,
        facts.plugins_folder,
        facts.themes_folder,
        facts.languages_folder,
    ):
        around = [root for root in roots if f"{folder.rstrip('/')}/".startswith(f"{root}/")]
        if folder and around and max(around, key=len) != site.path.rstrip("/"):
            return folder
    return ""
