"""Check that the folders of a site are not inside another site of the inventory."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Site, SiteFacts

__all__ = ["stray_folder"]


def stray_folder(facts: SiteFacts, site: Site, inventory: Iterable[Site]) -> str:
    """Return a folder of the site that belongs to another site on its host; empty if there is none.

    A folder belongs to the site with the longest path that contains it. Sites of one network share a folder.
    Folders outside of all sites, such as a shared WordPress, belong to none.
    """
    roots = {other.path.rstrip("/") for other in inventory if other.host == site.host and other.path}
    for folder in (
        facts.root,
        facts.content,
        facts.plugins_folder,
        facts.themes_folder,
        facts.languages_folder,
    ):
        containing = [root for root in roots if f"{folder.rstrip('/')}/".startswith(f"{root}/")]
        if folder and containing and max(containing, key=len) != site.path.rstrip("/"):
            return folder
    return ""
