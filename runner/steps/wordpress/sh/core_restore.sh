# files FOLDER: copies the old root files to $kept/files, so that a restore can be repeated
files() {
  seed files || return 1
  for f in "$1"/*; do
    if [ -f "$f" ]; then cp -p "$f" "$kept/files/" || return 1; fi
  done
  # without PHP, they are restored with the rights that cp kept
  alike_in "$kept/files" "$1" || unlike=yes
}
# beside PATH: enters the folder of PATH, if it is the plugins' or the themes' folder
beside() {
  case $1 in */. | */.. | */) return 1 ;; /*) ;; *) return 1 ;; esac
  cd -P "${1%/*}" 2>/dev/null || return 1
  place
  for f in plugins themes; do
    [ ! -e "$kept/.at-$f" ] || [ "$at." != "$(cat "$kept/.at-$f")" ] || return 0
  done
  return 1
}
# unbundle PATH NUMBER: deletes an item that came with the new version, or moves it to $successor
unbundle() (
  beside "$1" || exit 1
  [ -n "$successor" ] || exec rm -rf "./${1##*/}"
  [ -e "./${1##*/}" ] || exit 0
  mkdir -p "$successor/bundle" && mv "./${1##*/}" "$successor/bundle/$2"
)
# bundle PATH NUMBER: restores an item from there, if nothing else is in its place
bundle() (
  beside "$1" || exit 1
  [ ! -e "$kept/bundle/$2" ] || [ -e "./${1##*/}" ] || mv "$kept/bundle/$2" "./${1##*/}"
)
# each_of LIST DO: runs DO PATH NUMBER for each line of a list, if it exists
each_of() {
  [ -e "$kept/$1" ] || return 0
  n=0
  while IFS= read -r f; do n=$((n + 1)); "$2" "$f" "$n"; done <"$kept/$1"
}
# hand_over: prepares $successor, the restore point of an undo, with the files that it removes
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
