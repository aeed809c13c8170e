"""Restore points for plugins and themes, made and restored without PHP, so that they work while it fails.

A restore point is outside the web root, in the account's own folder, if that is on the same file system;
otherwise in `wp-content/.sitecrew-<tag>/`, which WordPress does not mistake for a plugin.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from runner.model import Change, ItemKind, SiteFacts
from runner.shell import word, words
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.adjacent_files import TIDY, keep_neighbours, put_back_neighbours
from runner.steps.wordpress.links import attach_links, detach_links, note_links, refuse_mounts
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.pinned import NOTED, PUT_BACK
from runner.steps.wordpress.shell import host_script, program, shell_source, site_script

__all__ = [
    "BEGIN",
    "active_plugins",
    "extensions_guard",
    "free_of_links",
    "head",
    "places_guard",
    "put_back_text",
    "restore_point",
    "site_check",
]

BEGIN = NOTED + shell_source("restore_point_make")
"""Shell text that makes the restore point, protects it from web requests and deletes old ones in the site."""


def extensions_guard(context: Context, changes: Sequence[Change], tag: str) -> Guard | None:
    """The restore point of plugins or themes; None if there is nothing to change."""
    if context.before is None or not changes:
        return None
    return places_guard(context, _places(context.before, changes), tag)


def places_guard(
    context: Context,
    places: Sequence[tuple[str, str]],
    tag: str,
    *,
    plain: Sequence[tuple[str, str]] = (),
    first: str = "",
    last: str = "",
    rest: str = "",
) -> Guard | None:
    """The restore point of folders of the site, each with its name in the restore point and its path.

    Args:
        context: of the change.
        places: folders in which links are kept as they are now.
        tag: of the restore point.
        plain: files and folders that are restored as they were, including links.
        first: shell text to run before the restore; it can abort it.
        last: shell text to run after it, which can set `$failed`.
        rest: shell text that needs WordPress, to run once the files are restored.
    """
    facts = context.before
    if facts is None:
        return None
    every = [*places, *plain]
    prologue = head(facts, tag)
    room = words("room", *(path for _, path in every))
    save = "\n".join(f"keep {word(path)} {word(name)} || exit 1" for name, path in every)
    undo = "\n".join(f"back {word(path)} {word(name)} || failed=1" for name, path in every)
    active = program("active", context.mark, active_plugins(facts), "--skip-plugins --skip-themes ")
    site, host, mark = context.site, context.host, context.mark
    files = host_script(
        host,
        f"{prologue}{first}{PUT_BACK}{alike(mark)}{shell_source('restore')}failed=\n{undo}\n{put_back_neighbours(facts)}"
        f'{last}[ -z "$failed" ]',
    )
    after = site_script(site, host, mark, f"{prologue}{rest}{active}").text
    return Guard(
        save=Script(
            text=host_script(
                host,
                f"{prologue}{BEGIN}{alike(mark)}{shell_source('keep')}{refuse_mounts(every)}{room}\n{save}\n"
                f"{note_links(places)}{keep_neighbours(facts)}",
            )
        ),
        # restores the files even if WordPress's own folder is gone; the rest needs it
        undo=Script(text=f"{files}back=$?\n(\n{after})\n[ $back -eq 0 ]\n"),
        check=site_check(context),
        settle=Script(text=f'{prologue}{PUT_BACK}failed=\n{attach_links(places)}[ -z "$failed" ]\n'),
        tidy=f'{prologue}rm -rf "$kept"/*.bad "$kept"/*.part {TIDY}',
    )


def put_back_text(places: Sequence[tuple[str, str]]) -> str:
    """Shell text that restores places from `$kept` and sets `$failed` if it cannot."""
    undo = "\n".join(f"back {word(path)} {word(name)} || failed=1" for name, path in places)
    return f"{PUT_BACK}{shell_source('restore')}failed=\n{undo}\n"


def free_of_links(context: Context, changes: Sequence[Change]) -> str:
    """Shell text that removes links in the items before a change; `settle` restores them."""
    facts = context.before
    if facts is None or not context.tag:
        return ""
    return f"{head(facts, context.tag)}{PUT_BACK}{detach_links(_places(facts, changes))}"


def site_check(context: Context) -> Script:
    """Exit status 0 if the site works, as far as its host can tell."""
    home = context.before.home if context.before else context.site.url
    text = program("check", context.mark, {"home": home, "usual": dict(context.usual)})
    return site_script(context.site, context.host, context.mark, text)


def head(facts: SiteFacts, tag: str) -> str:
    """Shell text that sets `$content`, and `$kept` to the restore point."""
    content = word(facts.content_folder)
    return f"content={content}\n{restore_point(facts.content_folder, tag)}"


def restore_point(folder: str, tag: str) -> str:
    """Shell text that sets `$kept` to a restore point on the same file system as this folder of the site."""
    return f"tag={word(tag)} site_folder={word(folder)}\n{shell_source('restore_point')}"


def _places(facts: SiteFacts, changes: Sequence[Change]) -> list[tuple[str, str]]:
    """The name in the restore point and the path on the site of each item."""
    found = {}
    for change in changes:
        family = facts.themes if change.kind is ItemKind.THEME else facts.plugins
        for entry in family:
            if entry.slug == change.item and entry.folder:
                alone = entry.folder == facts.plugins_folder
                path = f"{entry.folder}/{entry.file}" if alone else entry.folder
                found[f"{change.kind}-{PurePosixPath(path).name}"] = path
    return list(found.items())


def active_plugins(facts: SiteFacts) -> dict[str, object]:
    """The input of the program `active`: the plugins to activate again, and the addresses."""
    return {
        "plugins": [entry.file for entry in facts.plugins if entry.active and not entry.network],
        "network": [entry.file for entry in facts.plugins if entry.network],
        "addresses": {"home": facts.home, "siteurl": facts.siteurl},
    }
