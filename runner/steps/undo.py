"""Putting back what an earlier run kept on the host: the shell text around the guards of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.shell import word, words
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.guard import restore_point
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.shell import host_script

__all__ = ["kept_tags", "put_back", "restore_points_of", "tags_in"]

_FIND = r"""
me=${LOGNAME:-$(id -un)}
SITECREW_RESTORE=
for c in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$me" "/tmp/.sitecrew-$me"; do
  if [ -O "$c" ] && [ ! -L "$c" ] && [ -d "$c/restore/$of" ]; then SITECREW_RESTORE=$c/restore/$of; break; fi
done
export SITECREW_RESTORE
"""
_COPIES = r"""
# what is put back stays in the restore point: somebody may want it once more
set_aside() {
  fill_up "$1"
  for d in @FOLDERS@; do
    [ -d "$d" ] || continue
    mkdir -p "$d.kept" || return 1
    for f in "$d"/*; do
      case ${f##*/} in "*" | database) continue ;; esac
      # what is kept notes where on the site it was
      kept=$d
      cp -a "$f" "$d.kept/" && alike "$d.kept/${f##*/}" "$f" || return 1
    done
    : >"$d.kept/.whole"
  done
}
# fill_up TAG: what was used up is there again; where the copying was cut, nothing was used up
fill_up() {
  for d in @FOLDERS@; do
    for f in "$d.kept"/*; do
      [ -e "$d.kept/.whole" ] && [ -e "$f" ] || continue
      rm -rf "${d:?}/${f##*/}" && mv "$f" "$d/" || return 1
    done
    rm -rf "$d.kept"
  done
}
"""


def restore_points_of(folder: str, site: str) -> str:
    """Shell text that sets $SITECREW_RESTORE to the restore points of an earlier run; empty for none."""
    return f"of={word(f'{folder}/{site}')}{_FIND}"


def put_back(context: Context, folder: str, places: Sequence[str], guards: Mapping[str, Guard]) -> Script:
    """Puts back what the guards of an earlier run kept, in this order, by the tags of their restore points.

    `places` are the folders of the site where restore points lie that could not lie elsewhere. What is taken
    away meanwhile may be left in the restore point of the change itself, `$successor`.
    """
    calls = "\n".join(
        f"if set_aside {word(tag)}; then\n(\n{guard.undo.text}\n) || failed=1\n(\n{guard.tidy}\n)\n"
        f"else failed=1; fi\nfill_up {word(tag)}"
        for tag, guard in guards.items()
    )
    copies = _COPIES.replace("@FOLDERS@", _folders("$1", places))
    own = (
        f"{restore_point(context.before.root_folder, context.tag)}successor=$kept\n" if context.before else ""
    )
    head = f"{own}{restore_points_of(folder, context.site.name)}{alike(context.mark)}{copies}"
    return Script(text=host_script(context.host, f'{head}failed=\n{calls}\n[ -z "$failed" ]\n'))


def kept_tags(folder: str, site: str, places: Sequence[str], tags: Sequence[str]) -> Script:
    """Says which restore points are still there, for `tags_in`; `places` are those of `put_back`."""
    # the copy of the database beside the files has a tag of its own
    files = 'for f in "$d"/*; do case ${f##*/} in "*"|database) ;; *) echo "kept $tag"; break;; esac; done'
    database = 'case $tag in */database) [ -e "$d/database.json" ] && echo "kept $tag"; continue;; esac'
    folders = _folders("$tag", places)
    loop = f"for tag in {words(*tags)}; do for d in {folders}; do {database}; {files}; done; done"
    return Script(text=f"{restore_points_of(folder, site)}{loop}\n")


def tags_in(text: str) -> frozenset[str]:
    """What `kept_tags` has found."""
    return frozenset(line.removeprefix("kept ") for line in text.splitlines() if line.startswith("kept "))


def _folders(tag: str, places: Sequence[str]) -> str:
    """Words of the shell: where the restore point of a tag may lie."""
    return " ".join([f'"$SITECREW_RESTORE/{tag}"', *(f'{word(at)}/.sitecrew-"{tag}"' for at in places)])
