"""Shell text that puts files back into the very folders that they were kept from.

An account that may write to a folder of the site can put a link in the place of a folder, or a restore point
of its own in the place of ours. So the physical path of a folder is noted when something of it is kept, and
what is put back goes into that folder, by single names, from a restore point that belongs to this account.
"""

from __future__ import annotations

from runner.steps.static.pinned import EXCHANGE, PLACE, RENAMES

__all__ = ["NOTED", "PUT_BACK"]

NOTED = f"""{PLACE}
# mine: $kept is a folder of this account, not a link
mine() {{ [ ! -L "$kept" ] && [ -d "$kept" ] && [ -O "$kept" ]; }}
# note NAME FOLDER: keeps where FOLDER really is, if it is there
note() {{
  if [ -e "$kept/.at-$1" ] || [ ! -d "$2" ]; then return; fi
  (cd -P "$2" && place && printf '%s.' "$at" >"$kept/.at-$1")
}}
"""
"""For what keeps."""
PUT_BACK = f"""{NOTED}{RENAMES}{EXCHANGE}
# seed NAME: makes the folder NAME in $kept; what is made in it has group and ACL as if made here
seed() {{
  rm -rf "${{kept:?}}/$1" "./.sitecrew-$$"
  ( umask 077; mkdir "./.sitecrew-$$" ) && mv "./.sitecrew-$$" "$kept/$1" || return 1
  [ ! -L "$kept/$1" ] && [ -d "$kept/$1" ] && [ -O "$kept/$1" ]
}}
# return_to NAME FOLDER: enters FOLDER, if it is really where it was when it was noted
return_to() {{
  [ -e "$kept/.at-$1" ] || [ ! -L "$2" ] || return 1
  cd -P "$2" 2>/dev/null || return 1
  place
  [ ! -e "$kept/.at-$1" ] || [ "$at." = "$(cat "$kept/.at-$1")" ]
}}
# lay OLD NEW: as rename; without any tool that does it, only where there is nothing at NEW
lay() {{
  rename "$1" "$2" && return
  case $(mv --help 2>&1) in *-T*) return 1 ;; esac
  [ ! -e "$2" ] && [ ! -L "$2" ] && mv "$1" "$2"
}}
"""
"""For what puts back."""
