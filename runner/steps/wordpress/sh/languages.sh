# those FOLDER STEM...: prints the existing files of a pack, one per line
those() {
  folder=$1
  shift
  for s; do
    for f in "$folder/$s.po" "$folder/$s.mo" "$folder/$s.l10n.php" "$folder/$s"-*.json; do
      if [ -f "$f" ]; then printf '%s\n' "$f"; fi
    done
  done
}
keep() {
  name=$1
  shift
  note "$name" "$1" || return 1
  if [ -d "$kept/$name" ]; then return; fi
  rm -rf "$kept/$name.part"
  mkdir "$kept/$name.part" || return 1
  those "$@" | while IFS= read -r f; do cp -p "$f" "$kept/$name.part/" || exit 1; done || return 1
  alike_in "$kept/$name.part" "$1" || return 1
  mv "$kept/$name.part" "$kept/$name"
}
back() (
  name=$1
  if [ ! -d "$kept/$name" ]; then exit 0; fi
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    set -- "$kept/$name"/*
    [ ! -e "$1" ]
    exit
  fi
  mine && return_to "$name" "$2" || exit 1
  shift 2
  those . "$@" | while IFS= read -r f; do
    if [ ! -e "$kept/$name/${f##*/}" ]; then rm -f "./${f##*/}" || exit 1; fi
  done || exit 1
  seed fresh.part || exit 1
  for f in "$kept/$name"/*; do
    if [ -f "$f" ]; then cp -p "$f" "$kept/fresh.part/" || exit 1; fi
  done
  alike_in "$kept/fresh.part" "$kept/$name" || exit 1
  for f in "$kept/fresh.part"/*; do
    if [ -f "$f" ]; then settle "$f" "./${f##*/}" || exit 1; fi
  done
  # removes a folder that was created for the pack
  [ -e "$kept/.at-$name" ] || rmdir "$at" 2>/dev/null || :
)
