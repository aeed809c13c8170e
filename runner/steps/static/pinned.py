"""Shell text that changes files from within a folder: entered first, then checked, then used as `.`.

A path that was checked can lead elsewhere when it is used: an account that may write to a folder of the site
can put a link there in between. The working folder does not follow such a change. So each change enters the
folder, asks the system where that is, compares, and uses single names from there. The program `pwd` is asked
through `env`, since the one in bash answers with what it computed before it entered.
"""

from __future__ import annotations

__all__ = ["EXCHANGE", "PINNED", "PLACE", "RENAMES"]

PLACE = r"""
# place: sets at to the physical path of the working folder
place() { at=$(env pwd -P; echo .) at=${at%??}; }
"""
_GROUND = r"""
# ground INSIDE TARGET: enters TARGET, sets site and root to the physical paths of both; INSIDE may be empty
ground() {
  site=
  if [ -n "$1" ]; then cd -P "$1" 2>/dev/null || return 1; place; site=$at; fi
  cd -P "$2" 2>/dev/null || return 1
  place; root=$at
  [ -n "$site" ] || site=$root
}
# ours: the working folder is really below the site
ours() { place; case $at/ in "$site"/*) ;; *) return 1 ;; esac; }
# enter FOLDER: makes that folder below the root the working folder; 2 where it leads out of the site
enter() {
  cd -P "$root/$1" 2>/dev/null || return 1
  ours || return 2
}
# make FOLDER: as enter, and makes what is missing, step by step, each step in a folder that is the site's
make() {
  rest=$1/
  cd -P "$root" 2>/dev/null || return 1
  while ours || return 2; [ -n "$rest" ]; do
    step=${rest%%/*} rest=${rest#*/}
    [ -d "./$step" ] || sister "./$step" || return 1
    cd -P "./$step" 2>/dev/null || return 1
  done
}
# own NAME: enters the folder NAME of the working folder, which is no link, and ours
own() {
  place; above=$at
  cd -P "./$1" 2>/dev/null || return 1
  place
  [ "$at" = "${above%/}/$1" ] && [ -O . ]
}
# private NAME: as own, and it is closed to all others
private() {
  # chmod takes setgid away where this login is not in the group
  own "$1" && case $(ls -ld .) in drwx--[-S]---[!+]*) ;; *) chmod 700 . ;; esac
}
"""
RENAMES = r"""
# rename OLD NEW: one rename; a link at NEW is replaced, never followed
rename() {
  mv -fT "$1" "$2" 2>/dev/null && return
  perl -e 'exit(rename($ARGV[0], $ARGV[1]) ? 0 : 1)' "$1" "$2" 2>/dev/null && return
  python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$1" "$2" 2>/dev/null && return
  php -r 'exit(@rename($argv[1], $argv[2]) ? 0 : 1);' -- "$1" "$2" 2>/dev/null
}
# settle OLD NEW: as rename for a file; some do not rename to a link to a folder, so such a link goes before
settle() {
  rename "$1" "$2" && return
  if [ -L "$2" ]; then rm -f "$2" && rename "$1" "$2" && return; fi
  case $(mv --help 2>&1) in *-T*) return 1 ;; esac
  [ ! -d "$2" ] && mv -f "$1" "$2"
}
"""
EXCHANGE = r"""
# exchange ONE OTHER: both change places in one step, where the host has a tool for it
exchange() {
  mv --exchange -T "$1" "$2" 2>/dev/null && return
  python3 -c 'import ctypes, os, sys
a, b = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2))' "$1" "$2" 2>/dev/null && return
  case $(uname -sm) in 'Linux x86_64') n=316 ;; 'Linux aarch64') n=276 ;; *) return 1 ;; esac
  perl -e 'exit(syscall($ARGV[0] + 0, -100, $ARGV[1], -100, $ARGV[2], 2) == 0 ? 0 : 1)' \
    "$n" "$1" "$2" 2>/dev/null
}
"""
_OWNERSHIP = r"""
# narrow MODEL: from now on, what is made has the mode of MODEL, but not everybody may write to it
narrow() {
  mode=$(stat -c %a "$1" 2>/dev/null) || mode=755
  umask "$(printf %o $((0777 & ~0$mode | 02)))"
}
# sister FOLDER MODEL: made with mode and group of MODEL; setgid and ACL are handed down by the working folder
sister() { ( narrow "${2:-.}"; mkdir "$1" ) && group "${2:-.}" "$1"; }
# group MODEL PATH: gives PATH the group that MODEL has, where this login can
group() {
  # shellcheck disable=SC2046 # numbers
  set -- "$1" "$2" $(stat -c %g "$1" "$2" 2>/dev/null)
  if [ "$3" != "$4" ]; then chgrp "$3" "$2" 2>/dev/null; fi
  return 0
}
# acls FOLDER: whether anything there has an ACL, and there are tools to copy it
acls() { [ -n "$(getfacl -R -p -s "$1" 2>/dev/null | head -c 1)" ] && command -v setfacl >/dev/null; }
# like MODEL PATH: gives a file group and ACL of MODEL, a file or its folder; of a file also the mode, but for
# whether it can be run
like() {
  # shellcheck disable=SC2046 # numbers
  set -- "$1" "$2" $(stat -c '%g %u %a' "$1" "$2" 2>/dev/null)
  if [ -n "$6" ] && [ "$3 $4" != "$6 $7" ]; then
    chown "$4:$3" "$2" 2>/dev/null || { [ "$4" = "$7" ] || [ -d "$1" ]; } && chgrp "$3" "$2" 2>/dev/null ||
      [ -d "$1" ] || return 1
  fi
  if [ -n "$acls" ]; then
    handed=; if [ -d "$1" ]; then handed=-d; fi
    list=$(getfacl -n ${handed:+-d} --omit-header "$1") || return 1
    case $list in
    "") setfacl -b "$2" ;;
    *) printf '%s\n' "$list" | setfacl --set-file=- "$2" ;;
    esac || return 1
  fi
  [ -n "$8" ] || return 0
  mode=$8
  if [ ! -d "$1" ]; then
    mode=$((0$5 & ~0111))
    if [ $((0$8 & 0111)) != 0 ]; then mode=$((mode | (mode & 0444) >> 2)); fi
    mode=$(printf %o "$mode")
  fi
  chmod "$mode" "$2"
}
"""
PINNED = PLACE + _OWNERSHIP + _GROUND + RENAMES
