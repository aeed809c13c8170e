# narrow MODEL: set the umask so that new files get the mode of MODEL, but are not world-writable
narrow() {
  mode=$(stat -c %a "$1" 2>/dev/null) || mode=755
  umask "$(printf %o $((0777 & ~0$mode | 02)))"
}
# sister FOLDER MODEL: create FOLDER with the mode and group of MODEL; setgid and ACL come from the working folder
sister() { ( narrow "${2:-.}"; mkdir "$1" ) && group "${2:-.}" "$1"; }
# group MODEL PATH: give PATH the group of MODEL if this login can
group() {
  # shellcheck disable=SC2046 # numbers
  set -- "$1" "$2" $(stat -c %g "$1" "$2" 2>/dev/null)
  if [ "$3" != "$4" ]; then chgrp "$3" "$2" 2>/dev/null; fi
  return 0
}
# acls FOLDER: true if anything in FOLDER has an ACL and setfacl is there to copy it
acls() { [ -n "$(getfacl -R -p -s "$1" 2>/dev/null | head -c 1)" ] && command -v setfacl >/dev/null; }
# like MODEL PATH: give the file PATH the group and ACL of MODEL. If MODEL is a file, also its owner and mode,
# but PATH stays executable or not
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
