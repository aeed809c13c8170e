"""Links inside an item: taken out for the time of a change, and put back whatever came of it.

WordPress deletes through links: an update of a plugin with `data -> ../../../shared` empties the shared
folder. So the links are noted with the restore point, removed before WordPress's upgrader runs, and put back
behind it. Where another file system is mounted in the item, nothing is changed: what deletes a folder deletes
through a mount.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.shell import word, words
from runner.steps.wordpress.shell import shell_source

__all__ = ["attach_links", "detach_links", "note_links", "refuse_mounts"]


def refuse_mounts(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that ends where a file system is mounted in an item: name in the restore point and path."""
    return shell_source("mounts") + "".join(f"unmounted {word(path)} || exit 1\n" for _, path in places)


def note_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that notes the links of items; `keep` must have noted where these are."""
    return shell_source("links_note") + _for_each(places, "links_of", "|| exit 1")


def detach_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that removes the noted links."""
    return shell_source("links_each") + _for_each(places, "each_link", "detach || exit 1")


def attach_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that puts the noted links back where the items are, and sets `$failed` where it cannot.

    What a new version brought in the place of a link that leads out of the item is kept in the restore point;
    in the place of one that does not, it stays.
    """
    return shell_source("links_each") + _for_each(places, "each_link", "attach || failed=1")


def _for_each(places: Iterable[tuple[str, str]], command: str, more: str) -> str:
    return "".join(f"{command} {words(path, name)} {more}\n" for name, path in places)
