# inode PATH: prints the inode of PATH itself; nothing if it does not exist
inode() { stat -c %i "$1" 2>/dev/null; }
# turned ONE OTHER: exchanges both; a link stays in its place
turned() { [ -e "$1" ] && [ ! -L "$1" ] && exchange "$1" "$2"; }
back() (
  [ -e "$kept/$2" ] || exit 0
  mine && return_to "$2" "${1%/*}" || exit 1
  one=./${1##*/}
  rm -rf "$kept/$2.bad"
  # the inode, recorded first, identifies the old one even if this was interrupted after the exchange
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
