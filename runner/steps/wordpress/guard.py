"""Restore points for plugins and themes, kept and put back by renames, so that it works while PHP is dead.

A restore point lies outside the web root, in the account's own folder, if that is on the same file system;
else in `wp-content/.sitecrew-<tag>/`, which WordPress does not take for a plugin.
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
from runner.steps.wordpress.shell import host_script, program, site_script

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

_PLACE = r"""
device() { df -P "$1" 2>/dev/null | tail -n 1 | sed 's/ .*% */ /'; }
if [ -n "$SITECREW_RESTORE" ] && [ "$(device "$SITECREW_RESTORE")" = "$(device "$site_folder")" ]; then
  kept=$SITECREW_RESTORE/$tag
else
  kept=$site_folder/.sitecrew-$tag
fi
"""
_OURS = r"""
find "$site_folder" -maxdepth 1 -type d -name '.sitecrew-*' -mtime +14 -exec rm -rf {} + 2>/dev/null
mkdir -p "$kept" && chmod 700 "$kept" && mine || exit 1
case $kept in "$site_folder"/*)
  printf '%s\n' '<IfModule mod_authz_core.c>' 'Require all denied' '</IfModule>' \
    '<IfModule !mod_authz_core.c>' 'Deny from all' '</IfModule>' >"$kept/.htaccess" ||
    { echo 'No space left for a restore point'; exit 1; }
esac
"""
BEGIN = NOTED + _OURS
"""Makes the restore point; those in the site's folder that are too old go, and no server hands them out."""
_SAVE = r"""
room() {
  need=$(du -sk "$@" 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }')
  free=$(df -Pk "$kept" 2>/dev/null | awk 'NR == 2 { print $4 }')
  left=$(df -Pi "$kept" 2>/dev/null | awk 'NR == 2 && $2 > 0 { print $4 }')
  if [ "${free:-$((3 * need + 16384))}" -lt $((3 * need + 16384)) ] || [ "${left:-1000}" -lt 1000 ]; then
    echo "No space left for a restore point: $need kB are needed, $free kB and ${left:-some} inodes are free"
    exit 1
  fi
}
keep() {
  note "$2" "${1%/*}" || return 1
  [ -e "$kept/$2" ] && return
  rm -rf "$kept/$2.part" "$kept/$2.inode"
  cp -a "$1" "$kept/$2.part" && alike "$kept/$2.part" "$1" && mv "$kept/$2.part" "$kept/$2"
}
"""
_UNDO = r"""
# inode PATH: of what is there itself; empty where nothing is
inode() { stat -c %i "$1" 2>/dev/null; }
# turned ONE OTHER: both have changed places now; a link stays where it is
turned() { [ -e "$1" ] && [ ! -L "$1" ] && exchange "$1" "$2"; }
back() (
  [ -e "$kept/$2" ] || exit 0
  mine && return_to "$2" "${1%/*}" || exit 1
  one=./${1##*/}
  rm -rf "$kept/$2.bad"
  # by its inode, which is noted first, the old one is known also where this was cut behind the exchange
  if [ ! -e "$kept/$2.inode" ]; then
    inode "$kept/$2" >"$kept/$2.inode.part" && mv "$kept/$2.inode.part" "$kept/$2.inode"
  fi
  old=$(cat "$kept/$2.inode" 2>/dev/null)
  if [ -n "$old" ] && { [ "$(inode "$one")" = "$old" ] || turned "$one" "$kept/$2"; }; then
    lay "$kept/$2" "$kept/$2.bad"
  else
    if [ -e "$one" ] || [ -L "$one" ]; then lay "$one" "$kept/$2.bad" || exit 1; fi
    lay "$kept/$2" "$one"
  fi || exit 1
  rm -f "$kept/$2.inode"
)
"""


def extensions_guard(context: Context, changes: Sequence[Change], tag: str) -> Guard | None:
    """The restore point of plugins or themes; None where there is nothing to change."""
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
    """The restore point of folders of the site: name in the restore point and path of each.

    Args:
        context: of the change.
        places: folders in which links are kept.
        tag: of the restore point.
        plain: files and folders that are put back as they were, links included.
        first: shell text before the others are put back; it may end the whole.
        last: shell text behind them, which may set `$failed`.
        rest: shell text once the files are back, which needs WordPress.
    """
    facts = context.before
    if facts is None:
        return None
    every = [*places, *plain]
    here = head(facts, tag)
    room = words("room", *(path for _, path in every))
    save = "\n".join(f"keep {word(path)} {word(name)} || exit 1" for name, path in every)
    undo = "\n".join(f"back {word(path)} {word(name)} || failed=1" for name, path in every)
    active = program("active", context.mark, active_plugins(facts), "--skip-plugins --skip-themes ")
    site, host, mark = context.site, context.host, context.mark
    files = host_script(
        host,
        f"{here}{first}{PUT_BACK}{alike(mark)}{_UNDO}failed=\n{undo}\n{put_back_neighbours(facts)}"
        f'{last}[ -z "$failed" ]',
    )
    after = site_script(site, host, mark, f"{here}{rest}{active}").text
    return Guard(
        save=Script(
            text=host_script(
                host,
                f"{here}{BEGIN}{alike(mark)}{_SAVE}{refuse_mounts(every)}{room}\n{save}\n"
                f"{note_links(places)}{keep_neighbours(facts)}",
            )
        ),
        # the files are put back also where WordPress's own folder is gone; the rest needs it
        undo=Script(text=f"{files}back=$?\n(\n{after})\n[ $back -eq 0 ]\n"),
        check=site_check(context),
        settle=Script(text=f'{here}{PUT_BACK}failed=\n{attach_links(places)}[ -z "$failed" ]\n'),
        tidy=f'{here}rm -rf "$kept"/*.bad "$kept"/*.part {TIDY}',
    )


def put_back_text(places: Sequence[tuple[str, str]]) -> str:
    """Shell text that puts places back, for a text that has `$kept`; it sets `$failed`."""
    undo = "\n".join(f"back {word(path)} {word(name)} || failed=1" for name, path in places)
    return f"{PUT_BACK}{_UNDO}failed=\n{undo}\n"


def free_of_links(context: Context, changes: Sequence[Change]) -> str:
    """Shell text for the head of a change: removes the links in the items, which `settle` puts back."""
    facts = context.before
    if facts is None or not context.tag:
        return ""
    return f"{head(facts, context.tag)}{PUT_BACK}{detach_links(_places(facts, changes))}"


def site_check(context: Context) -> Script:
    """Exit status 0 where the site works as far as its host can tell."""
    home = context.before.home if context.before else context.site.url
    text = program("check", context.mark, {"home": home, "usual": dict(context.usual)})
    return site_script(context.site, context.host, context.mark, text)


def head(facts: SiteFacts, tag: str) -> str:
    """Shell text that sets `$content`, and `$kept`: where the restore point lies."""
    content = word(facts.content_folder)
    return f"content={content}\n{restore_point(facts.content_folder, tag)}"


def restore_point(folder: str, tag: str) -> str:
    """Shell text that sets `$kept`: a restore point on the same file system as this folder of the site."""
    return f"tag={word(tag)} site_folder={word(folder)}\n{_PLACE}"


def _places(facts: SiteFacts, changes: Sequence[Change]) -> list[tuple[str, str]]:
    """Name in the restore point and path on the site of each item, however the changes are ordered."""
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
    """The input of the program `active`: what is to be active again."""
    return {
        "plugins": [entry.file for entry in facts.plugins if entry.active and not entry.network],
        "network": [entry.file for entry in facts.plugins if entry.network],
        "addresses": {"home": facts.home, "siteurl": facts.siteurl},
    }
