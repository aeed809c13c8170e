# swap LINK TARGET: replace LINK by one rename, so that there is always a link
swap() {
  rm -f "$1.next" && ln -sn "$2" "$1.next" || return 1
  rename "$1.next" "$1" && return
  rm -f "$1.next"
  return 1
}
