near() {
  if [ -d "$kept/$1.near" ]; then return; fi
  rm -rf "$kept/$1.part"
  mkdir -p "$kept/$1.part" && note "$1" "$2" || return 0
  for one in "$2"/$3; do
    if [ -e "$one" ]; then cp -al "$one" "$kept/$1.part/" 2>/dev/null || return 0; fi
  done
  # files are hard links, folders are copies
  if [ "$3" = '*' ]; then alike_below "$kept/$1.part" "$2" -type d >/dev/null 2>&1 || return 0; fi
  mv "$kept/$1.part" "$kept/$1.near"
}
steers() {
  mkdir -p "$kept/steering.near" && note root "$root" || return 0
  for one; do
    if [ -L "$one" ]; then readlink "$one" >"$kept/.link-${one##*/}" || return 0; fi
    if [ -f "$one" ]; then
      cp -p "$one" "$kept/steering.near/" || return 0
      # of a file with another owner, only the content is kept
      alike "$kept/steering.near/${one##*/}" "$one" >/dev/null 2>&1 || :
    fi
  done
  if [ ! -e "$root/.maintenance" ]; then : >"$kept/open.near"; fi
}
