# inode PATH: of what is there itself; empty where nothing is
inode() { stat -c %i "$1" 2>/dev/null; }
# turned ONE OTHER: both have changed places now; a link stays where it is
turned() { [ -e "$1" ] && [ ! -L "$1" ] && exchange "$1" "$2"; }
back() (
  [ -e "$kept/$2" ] || exit 0
  mine && return_to "$2" "${1%/*}" || exit 1
  one=./${1##*/}
  rm -rf "$kept/$2.bad"
  # by its inode, which is noted first, the old one is known also where this was cut behind the exchange
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
