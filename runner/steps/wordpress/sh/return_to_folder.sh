# seed NAME: makes the folder NAME in $kept, whose files get the group and ACL of the working folder
seed() {
  rm -rf "${kept:?}/$1" "./.sitecrew-$$"
  ( umask 077; mkdir "./.sitecrew-$$" ) && mv "./.sitecrew-$$" "$kept/$1" || return 1
  [ ! -L "$kept/$1" ] && [ -d "$kept/$1" ] && [ -O "$kept/$1" ]
}
# return_to NAME FOLDER: enters FOLDER, if its physical path is the recorded one
return_to() {
  [ -e "$kept/.at-$1" ] || [ ! -L "$2" ] || return 1
  cd -P "$2" 2>/dev/null || return 1
  place
  [ ! -e "$kept/.at-$1" ] || [ "$at." = "$(cat "$kept/.at-$1")" ]
}
# lay OLD NEW: like rename; without a tool for it, only if nothing exists at NEW
lay() {
  rename "$1" "$2" && return
  case $(mv --help 2>&1) in *-T*) return 1 ;; esac
  [ ! -e "$2" ] && [ ! -L "$2" ] && mv "$1" "$2"
}
