"""The way of WordPress itself there and back: its two folders and its root files change places by renames.

Where a folder cannot be renamed, a copy is the restore point. What is there and what is not says how far an
exchange has come, so that one which was cut at any instant is made whole, by shell text that needs no PHP.
"""

from __future__ import annotations

from runner.model import SiteFacts
from runner.shell import word, words
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.guard import BEGIN, active_plugins, restore_point, site_check
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.pinned import PUT_BACK
from runner.steps.wordpress.shell import host_script, php_source, plain_program, program, site_script

__all__ = ["core_guard", "exchange", "place"]

_PLACE = r"""
export SITECREW_ROOT="$root" SITECREW_KEPT="$kept"
"""
_SAVE = r"""
echo 'Require all denied' >"$kept/.htaccess"
note root "$root" && note wp-includes "$root/wp-includes" && note wp-admin "$root/wp-admin" || exit 1
"""
_COPY = r"""
if [ ! -d "$kept/copy" ]; then
  rm -rf "$kept/copy.part"
  mkdir -p "$kept/copy.part/files" || exit 1
  for d in wp-includes wp-admin; do
    cp -a "$root/$d/." "$kept/copy.part/$d" && alike_below "$kept/copy.part/$d" "$root/$d/." || exit 1
  done
  for f in "$root"/*; do
    if [ -f "$f" ] && [ "${f##*/}" != wp-config.php ]; then
      cp -p "$f" "$kept/copy.part/files/" || exit 1
    fi
  done
  alike_in "$kept/copy.part/files" "$root" || exit 1
  mv "$kept/copy.part" "$kept/copy" || exit 1
fi
"""
_EXCHANGE = """
exchange_core() {{
  SITECREW_IN=$1 SITECREW_OUT=$2 SITECREW_FILES=$3 SITECREW_GONE=$4
  export SITECREW_IN SITECREW_OUT SITECREW_FILES SITECREW_GONE
{program}
}}
"""
_BACK = r"""
# files FOLDER: the root files as they were, from a copy, so that this can be done again
files() {
  seed files || return 1
  for f in "$1"/*; do
    if [ -f "$f" ]; then cp -p "$f" "$kept/files/" || return 1; fi
  done
  # without PHP they are put back all the same
  alike_in "$kept/files" "$1" || unlike=yes
}
# beside PATH: enters the folder that PATH lies in, if that is the one of plugins or of themes
beside() {
  case $1 in */. | */.. | */) return 1 ;; /*) ;; *) return 1 ;; esac
  cd -P "${1%/*}" 2>/dev/null || return 1
  place
  for f in plugins themes; do
    [ ! -e "$kept/.at-$f" ] || [ "$at." != "$(cat "$kept/.at-$f")" ] || return 0
  done
  return 1
}
# unbundle PATH NUMBER: takes away what came with the new version, or hands it over
unbundle() (
  beside "$1" || exit 1
  [ -n "$successor" ] || exec rm -rf "./${1##*/}"
  [ -e "./${1##*/}" ] || exit 0
  mkdir -p "$successor/bundle" && mv "./${1##*/}" "$successor/bundle/$2"
)
# bundle PATH NUMBER: brings back what was handed over, where nothing has taken its place
bundle() (
  beside "$1" || exit 1
  [ ! -e "$kept/bundle/$2" ] || [ -e "./${1##*/}" ] || mv "$kept/bundle/$2" "./${1##*/}"
)
# each_of LIST DO: DO PATH NUMBER for each line of a list, if there is one
each_of() {
  [ -e "$kept/$1" ] || return 0
  n=0
  while IFS= read -r f; do n=$((n + 1)); "$2" "$f" "$n"; done <"$kept/$1"
}
# hand_over: what is taken away becomes the restore point of whoever takes it away
hand_over() {
  if [ -z "$successor" ] || [ -e "$successor/begun" ]; then return; fi
  rm -rf "$successor/old" "$successor/added"
  mkdir -p "$successor/old/files" && : >"$successor/added" || return 1
  gone=$kept/added; [ -e "$gone" ] || gone=/dev/null
  for f in "$kept"/files/*; do
    [ -f "$f" ] || continue
    f=./${f##*/}
    if [ -f "$f" ] && [ ! -L "$f" ]; then cp -p "$f" "$successor/old/files/" || return 1
    else printf '%s\n' "${f##*/}" >>"$successor/added"; fi
  done
  while IFS= read -r f; do
    case $f in "" | */*) return 1 ;; esac
    if [ -f "./$f" ] && [ ! -L "./$f" ]; then cp -p "./$f" "$successor/old/files/" || return 1; fi
  done <"$gone"
  place
  (kept=$successor; alike_in "$successor/old/files" "$at") || unlike=yes
  [ ! -e "$kept/bundled" ] || cp "$kept/bundled" "$successor/unbundled" || return 1
  [ ! -e "$kept/unbundled" ] || cp "$kept/unbundled" "$successor/bundled" || return 1
  : >"$successor/begun"
}
back() (
  [ -e "$kept/begun" ] || exit 0
  mine && return_to root "$root" || exit 1
  unlike=
  successor=${successor:-}
  out=${successor:+$successor/old}
  out=${out:-$kept/bad}
  if [ -d "$kept/copy" ]; then
    files "$kept/copy/files" && hand_over || exit 1
    for d in wp-includes wp-admin; do
      mkdir -p "./$d" || exit 1
      (return_to "$d" "./$d" && find . ! -name . -prune -exec rm -rf {} + &&
        find "$kept/copy/$d/." ! -name . -prune -exec sh -c 'cp -a "$@" .' sh {} + &&
        alike_below . "$kept/copy/$d") || exit 1
    done
  else
    files "$kept/old/files" && hand_over && mkdir -p "$out" || exit 1
    for d in wp-includes wp-admin; do
      if [ -d "$kept/old/$d" ] && [ -e "./$d" ]; then rm -rf "${out:?}/$d"; fi
    done
    [ -z "$php" ] || exchange_core "$kept/old" "$out" files added
    for d in wp-includes wp-admin; do
      [ -d "$kept/old/$d" ] || continue
      if [ -e "./$d" ] || [ -L "./$d" ]; then lay "./$d" "$out/$d" || exit 1; fi
      lay "$kept/old/$d" "./$d" || exit 1
    done
    while IFS= read -r f; do
      case $f in "" | */*) exit 1 ;; esac
      rm -f "./$f" || exit 1
    done <"$kept/added"
    each_of unbundled bundle
    each_of bundled unbundle
  fi
  for f in "$kept"/files/*; do
    [ -e "$f" ] || continue
    settle "$f" "./${f##*/}" || exit 1
  done
  rm -rf "$kept/begun" "$kept/done" "$kept/files"
  [ -z "$successor" ] || : >"$successor/done"
  [ -z "$unlike" ]
)
"""
_TIDY = """
rm -rf "$kept/package" "$kept/new" "$kept/bad" "$kept/files" "$kept/gate" "$kept/copy.part"
if [ -e "$kept/lock" ]; then (
{unlock}
) >/dev/null 2>&1; fi
"""


def core_guard(context: Context, tag: str) -> Guard | None:
    """How WordPress itself is taken back; None where there is nothing to change."""
    facts = context.before
    if facts is None or not context.plan.changes:
        return None
    site, host, mark = context.site, context.host, context.mark
    here = place(facts, tag)
    bare = f"{here}php=${{php:-$(find_php)}}\n{exchange(mark)}{PUT_BACK}{alike(mark)}{_BACK}"
    copy = f"{alike(mark)}{_COPY}" if facts.core_fixed else ""
    quiet = "--skip-plugins --skip-themes "
    after = program("core_lock", mark, active_plugins(facts), quiet, parts=("core_back", "active"))
    unlock = site_script(site, host, mark, f"{here}{program('core_lock', mark, {}, quiet)}").text
    files = host_script(host, f"{bare}back")
    rest = site_script(site, host, mark, here + after).text
    return Guard(
        save=Script(text=host_script(host, here + BEGIN + _SAVE + _extensions(facts) + copy)),
        # the files are put back also where no PHP is found; the rest needs one
        undo=Script(text=f"{files}back=$?\n{rest}[ $back -eq 0 ]\n"),
        settle=Script(text=host_script(host, f'{bare}[ ! -e "$kept/begun" ] || [ -e "$kept/done" ] || back')),
        check=site_check(context),
        tidy=here + _TIDY.format(unlock=unlock),
    )


def _extensions(facts: SiteFacts) -> str:
    plugins = facts.plugins_folder or f"{facts.content_folder}/plugins"
    themes = facts.themes_folder or f"{facts.content_folder}/themes"
    return f"{words('note', 'plugins', plugins)}\n{words('note', 'themes', themes)}\n"


def place(facts: SiteFacts, tag: str) -> str:
    """Shell text that sets `$root`, and `$kept`: the restore point, on the same file system as the site."""
    root = facts.root_folder
    return f"root={word(root)}\n{restore_point(root, tag)}{_PLACE}"


def exchange(mark: str) -> str:
    """The shell function `exchange_core IN OUT FILES GONE`; see `exchange.php`."""
    return _EXCHANGE.format(
        program=plain_program("exchange", mark, {"gate": php_source("gate")}, parts=("ownership",))
    )
