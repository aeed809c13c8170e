"""Shell text for `sitecrew undo`: restores what the guards of an earlier run kept on the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.shell import word, words
from runner.steps.base import Context, Guard, Script
from runner.steps.sources import shell_source
from runner.steps.wordpress.guard import restore_point
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.shell import host_script

__all__ = ["kept_tags", "put_back", "restore_points_of", "tags_in"]


def restore_points_of(folder: str, site: str) -> str:
    """Return shell text that sets $SITECREW_RESTORE to the restore points of a run, or to nothing."""
    return f"of={word(f'{folder}/{site}')}\n{shell_source('runner.steps', 'restore_points')}"


def put_back(context: Context, folder: str, places: Sequence[str], guards: Mapping[str, Guard]) -> Script:
    """Return a script that restores what the guards of an earlier run kept, in the order of `guards`.

    The keys of `guards` are the ids of the restore points. `places` are folders of the site that hold restore
    points which could not be stored elsewhere. Files that are removed from the site while restoring can be
    kept in the restore point of this undo itself, `$successor`.
    """
    calls = "\n".join(
        f"if set_aside {word(tag)}; then\n(\n{guard.undo.text}\n) || failed=1\n(\n{guard.tidy}\n)\n"
        f"else failed=1; fi\nfill_up {word(tag)}"
        for tag, guard in guards.items()
    )
    copies = shell_source("runner.steps", "restore_copies", folders=_folders("$1", places))
    own = (
        f"{restore_point(context.before.root_folder, context.tag)}successor=$kept\n" if context.before else ""
    )
    head = f"{own}{restore_points_of(folder, context.site.name)}{alike(context.mark)}{copies}"
    return Script(text=host_script(context.host, f'{head}failed=\n{calls}\n[ -z "$failed" ]\n'))


def kept_tags(folder: str, site: str, places: Sequence[str], tags: Sequence[str]) -> Script:
    """Return a script that lists the restore points that still exist, for `tags_in`."""
    # the copy of the database is in the same folder, under an id of its own
    files = 'for f in "$d"/*; do case ${f##*/} in "*"|database) ;; *) echo "kept $tag"; break;; esac; done'
    database = 'case $tag in */database) [ -e "$d/database.json" ] && echo "kept $tag"; continue;; esac'
    folders = _folders("$tag", places)
    loop = f"for tag in {words(*tags)}; do for d in {folders}; do {database}; {files}; done; done"
    return Script(text=f"{restore_points_of(folder, site)}{loop}\n")


def tags_in(text: str) -> frozenset[str]:
    """Return the ids of restore points in the output of `kept_tags`."""
    return frozenset(line.removeprefix("kept ") for line in text.splitlines() if line.startswith("kept "))


def _folders(tag: str, places: Sequence[str]) -> str:
    """Return shell words: the folders where the restore point of a tag can be."""
    return " ".join([f'"$SITECREW_RESTORE/{tag}"', *(f'{word(at)}/.sitecrew-"{tag}"' for at in places)])
