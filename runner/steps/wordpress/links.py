"""Links inside an item: taken out for the time of a change, and put back whatever came of it.

WordPress deletes through links: an update of a plugin with `data -> ../../../shared` empties the shared
folder. So the links are noted with the restore point, removed before WordPress's upgrader runs, and put back
behind it. Where another file system is mounted in the item, nothing is changed: what deletes a folder deletes
through a mount.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.shell import word, words

__all__ = ["attach_links", "detach_links", "note_links", "refuse_mounts"]

_UNMOUNTED = r"""
# unmounted FOLDER: fails where another file system is mounted below it
unmounted() (
  cd -P "$1" 2>/dev/null && [ -r /proc/self/mountinfo ] || exit 0
  place
  AT=$(printf '%s/' "$at" | sed 's/\\/\\134/g; s/ /\\040/g') awk '
    index($5, ENVIRON["AT"]) == 1 { found = 1 } END { exit found }' /proc/self/mountinfo && exit 0
  echo "$1 has another file system mounted inside"
  exit 1
)
"""
_NOTE = r"""
# links_of FOLDER NAME: notes the links inside, those that lead out of it apart from the others
links_of() (
  [ -d "$1" ] && [ ! -L "$1" ] || exit 0
  [ ! -e "$kept/links-$2" ] || exit 0
  rm -rf "$kept/links-$2.part"
  cd -P "$1" && mkdir "$kept/links-$2.part" && place || exit 1
  here=$at list=$kept/links-$2.part
  export here list
  find . -type l -exec sh -c '
    for l; do
      to=$(readlink -f "$l" 2>/dev/null; echo .)
      case ${to%??}/ in "$here"/*) kind=inner ;; *) kind=outer ;; esac
      mkdir -p "$list/$kind/${l%/*}" && cp -P "$l" "$list/$kind/$l" || exit 1
    done' sh {} +
  [ "$(find . -type l -print | wc -l)" -eq "$(find "$list" -type l -print | wc -l)" ] || exit 1
  mv "$list" "$kept/links-$2"
)
"""
_EACH = r"""
# each_link FOLDER NAME detach|attach: removes each noted link, or puts it back, from within its own folder
each_link() (
  [ -d "$kept/links-$2" ] && [ -d "$1" ] && [ ! -L "$1" ] || exit 0
  mine && return_to "$2" "${1%/*}" && cd -P "./${1##*/}" || exit 1
  place
  here=$at list=$kept/links-$2 what=$3 old=$kept/$2 failed=
  export here what list kind old
  for kind in outer inner; do
    [ ! -d "$list/$kind" ] || find "$list/$kind" -type l -exec sh -c '
      for l; do (
        dir=${l#"$list/$kind/"} name=${l##*/}
        case $dir in */*) dir=${dir%/*}/ ;; *) dir= ;; esac
        rest=$dir
        while [ -n "$rest" ]; do
          step=./${rest%%/*} rest=${rest#*/}
          [ ! -L "$step" ] || exit 1
          old=$old/${step#./}
          if [ ! -d "$step" ]; then
            [ "$what" = attach ] || exit 0
            mode=$(stat -c %a "$old" 2>/dev/null) || mode=755
            ( umask "$(printf %o $((0777 & ~0$mode)))" && mkdir "$step" ) || exit 1
            chgrp "$(stat -c %g "$old" 2>/dev/null)" "$step" 2>/dev/null
            [ "$(stat -c %a "$step")" = "$mode" ] || chmod "$mode" "$step"
          fi
          cd -P "$step" || exit 1
        done
        at=$(env pwd -P; echo .)
        case ${at%??}/ in "$here"/*) ;; *) exit 1 ;; esac
        there=
        if [ -L "./$name" ]; then there=link; elif [ -e "./$name" ]; then there=other; fi
        case $what in
        detach) [ "$there" != link ] || rm -f "./$name" ;;
        attach)
          if [ "$there" = link ]; then
            [ "$(readlink "./$name"; echo .)" != "$(readlink "$l"; echo .)" ] || exit 0
          fi
          if [ -n "$there" ]; then
            [ "$kind" = outer ] || exit 0
            mkdir -p "$list.instead/$dir" && rm -rf "${list:?}.instead/$dir$name" &&
              mv "./$name" "$list.instead/$dir$name" || exit 1
          fi
          cp -P "$l" "./$name" || exit 1
          [ "$kind" = outer ] || [ -e "./$name" ] || rm -f "./$name"
        esac
      ) || echo "the link $l could not be changed"; done' sh {} + || failed=1
  done >"$kept/links-$2.said" 2>&1
  cat "$kept/links-$2.said"
  [ -z "$failed" ] && [ ! -s "$kept/links-$2.said" ]
)
"""


def refuse_mounts(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that ends where a file system is mounted in an item: name in the restore point and path."""
    return _UNMOUNTED + "".join(f"unmounted {word(path)} || exit 1\n" for _, path in places)


def note_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that notes the links of items; `keep` must have noted where these are."""
    return _NOTE + _for_each(places, "links_of", "|| exit 1")


def detach_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that removes the noted links."""
    return _EACH + _for_each(places, "each_link", "detach || exit 1")


def attach_links(places: Iterable[tuple[str, str]]) -> str:
    """Shell text that puts the noted links back where the items are, and sets `$failed` where it cannot.

    What a new version brought in the place of a link that leads out of the item is kept in the restore point;
    in the place of one that does not, it stays.
    """
    return _EACH + _for_each(places, "each_link", "attach || failed=1")


def _for_each(places: Iterable[tuple[str, str]], command: str, more: str) -> str:
    return "".join(f"{command} {words(path, name)} {more}\n" for name, path in places)
