# whole FOLDER: true if it has exactly the files in the list, with their sums, and no links or special files
whole() (
  cd "$1/" && sums -c "$releases/$list" >/dev/null 2>&1 &&
    [ "$(find . -type f -exec printf '%.0sx' {} + | wc -c)" -eq "$count" ] &&
    [ -z "$(find . ! -type f ! -type d -exec printf '%.0sx' {} + | head -c 1)" ]
)
# inside COMMAND...: run in the folder of releases; fails if that is a link to another folder
inside() ( cd -P "$root" && cd -P "./$room" && place && [ "$at" = "${root%/}/$room" ] && "$@" )
# keep_as FOLDER NAME: rename FOLDER in the working folder to the release NAME, which must not exist
keep_as() { [ ! -e "./$2" ] && [ ! -L "./$2" ] && { rename "./$1" "./$2" || mv "./$1" "./$2"; }; }
# adopt FOLDER: make FOLDER the release $adopted
adopt() { inside take_over "$1"; }
take_over() {
  if [ -e "./$adopted" ] || [ -L "./$adopted" ]; then return 1; fi
  rename "$1" "./$adopted" || mv "$1" "./$adopted"
}
ground '' "$parent" || stop no-folder
now=nothing at=
if [ -L "$path" ]; then now=link at=$(readlink "$path"); elif [ -d "$path" ]; then now=folder; fi
[ "$now $at" = "$was $target" ] || stop "moved $at"
inside true || stop leads-out
# left by a switch that was interrupted right after the folder and the link were exchanged
if [ -d "$path.next" ] && [ ! -L "$path.next" ]; then adopt "$path.next" || stop no-rename; fi
[ -d "$room/$part" ] || stop vanished
[ -s "$room/$list" ] || stop vanished
[ ! -e "$room/$name" ] || stop "exists $name"
whole "$releases/$part" || stop damaged
# give the release the group of the one online, or of its folder. Errors do not count: if the web server
# cannot read the files, the health check fails
crew=$(stat -c %g "$path/" 2>/dev/null || stat -c %g . 2>/dev/null)
[ -z "$crew" ] || inside find "./$part" ! -type l ! -group "$crew" -exec chgrp "$crew" {} + 2>/dev/null || :
like_online=$(stat -c %a "$path/" 2>/dev/null)
[ -z "$like_online" ] || inside find "./$part" -type d ! -perm "$like_online" \
  -exec chmod "$like_online" {} + 2>/dev/null || :
inside keep_as "$part" "$name" || stop no-rename
before=
case $was in
folder)
  rm -f "$path.next" && ln -sn "$room/$name" "$path.next" || stop no-link
  if exchange "$path.next" "$path"; then adopt "$path.next" || stop no-rename
  elif adopt "$path"; then
    if ! swap "$path" "$room/$name"; then
      rename "$room/$adopted" "$path" || mv "$room/$adopted" "$path"
      stop no-rename
    fi
    say "gap the host cannot exchange a folder and a link in one step: for an instant the site had neither"
  else rm -f "$path.next"; stop no-rename; fi
  before=$adopted
  say "adopted the folder that was online is now the release $adopted" ;;
*)
  swap "$path" "$room/$name" || { inside keep_as "$name" "$part"; stop no-rename; }
  before=${target%/} before=${before##*/} ;;
esac
if [ "$(readlink "$path")" != "$room/$name" ] || ! whole "$path"; then
  [ -z "$before" ] || [ ! -d "$room/$before" ] || swap "$path" "$room/$before"
  stop reread
fi
say "from $before"
say "to $name"
say "did $did"
# remove old releases, but never the one before or one that any link in this folder points to
in_use() {
  for l in "$root"/* "$root"/.[!.]*; do
    [ -L "$l" ] && t=$(readlink "$l") && [ "${t##*/}" = "$1" ] && return
  done
  return 1
}
# prune: runs in the folder of releases
prune() {
  kept=0
  for d in $(printf '%s\n' [0-9]*Z-* | grep -E '^[0-9]{8}T[0-9]{6}Z-[0-9a-z]+$' | sort -r); do
    [ -d "./$d" ] && [ ! -L "./$d" ] || continue
    kept=$((kept + 1))
    [ "$kept" -gt "$keep" ] || continue
    if [ "$d" = "$name" ] || [ "$d" = "$before" ] || in_use "$d"; then continue; fi
    rm -rf "./$d" "./.$d.sums" && say "pruned $d"
  done
  # releases that were never completed
  find . ! -name . -prune -name '.*.part' -mtime +7 -exec rm -rf {} + 2>/dev/null
}
inside prune
exit 0
