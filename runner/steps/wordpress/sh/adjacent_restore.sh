around() (
  if [ ! -d "$kept/$1.near" ]; then exit 0; fi
  mine && return_to "$1" "$2" || exit 1
  for one in ./$3; do
    if [ -e "$one" ] && [ ! -e "$kept/$1.near/${one##*/}" ]; then lay "$one" "$kept/$1-${one##*/}.new"; fi
  done
  for one in "$kept/$1.near"/$3; do
    if [ -e "$one" ] && [ ! -e "./${one##*/}" ] && [ ! -L "./${one##*/}" ]; then
      cp -al "$one" ./ && { [ ! -d "$one" ] || alike "./${one##*/}" "$one" -type d; }
    fi
  done
)
# same_link NAME: it is a link that was there before, with the same target
same_link() { [ -e "$kept/.link-$1" ] && [ "$(readlink "./$1")" = "$(cat "$kept/.link-$1")" ]; }
# steered OLD NEW: restores a file; writes to it if it is a link, of another owner, or in an unwritable folder
steered() {
  if [ -L "$2" ] || { [ -f "$2" ] && [ ! -O "$2" ]; }; then cat "$1" >"$2"; return; fi
  seed steering.part && cp -p "$1" "$kept/steering.part/one" && alike "$kept/steering.part/one" "$1" &&
    settle "$kept/steering.part/one" "$2" || { [ -f "$2" ] && cat "$1" >"$2"; }
}
steer() (
  if [ ! -d "$kept/steering.near" ]; then exit 0; fi
  mine && return_to root "$root" || exit 1
  for one; do
    one=${one##*/} old="$kept/steering.near/${one##*/}"
    if [ -L "./$one" ] && ! same_link "$one"; then rm -f "./$one"; fi
    if [ -f "$old" ] && ! cmp -s "$old" "./$one"; then steered "$old" "./$one"; fi
    if [ ! -f "$old" ]; then rm -f "./$one"; fi
  done
  if [ -e "$kept/open.near" ]; then rm -f ./.maintenance; fi
)
