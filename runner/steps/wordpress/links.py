"""Links inside an item: removed for the time of a change and restored afterwards, whatever its result.

WordPress deletes through links: an update of a plugin with `data -> ../../../shared` empties the shared
folder. So the links are recorded with the restore point, removed before WordPress's upgrader runs, and
restored after it. If another file system is mounted in the item, nothing is changed, because deleting a
folder deletes through mounts too.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.shell import word, words
from runner.steps.wordpress.shell import shell_source

__all__ = ["attach_links", "detach_links", "note_links", "refuse_mounts"]


def refuse_mounts(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that exits if a file system is mounted in an item."""
    return shell_source("mounts") + "".join(f"unmounted {word(path)} || exit 1\n" for _, path in places)


def note_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that records the links in items; `keep` must have recorded their paths."""
    return shell_source("links_note") + _for_each(places, "links_of", "|| exit 1")


def detach_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that removes the recorded links."""
    return shell_source("links_each") + _for_each(places, "each_link", "detach || exit 1")


def attach_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that restores the recorded links, and sets `$failed` if it cannot.

    If the new version has a file in the place of a link, a link that points outside the item replaces it, and
    the file is moved to the restore point; otherwise the file stays.
    """
    return shell_source("links_each") + _for_each(places, "each_link", "attach || failed=1")


def _for_each(places: Iterable[tuple[str, str]], command: str, more: str) -> str:
    return "".join(f"{command} {words(path, name)} {more}\n" for name, path in places)
