export LC_ALL=C.UTF-8
cd @site@ || exit 3
@places@
set -- @excludes@
@followed_links@
while read -r _ at what place; do
  if [ "$at $what" = "at content" ]; then
    for pattern in @content_excludes@ ''; do
      # GNU tar compares names with their leading slash, busybox without it
      [ -z "$pattern" ] || set -- "$@" "--exclude=$place/$pattern" "--exclude=${place#/}/$pattern"
    done
  fi
done <<SITECREW_PLACES
$places
SITECREW_PLACES
if ! tar --exclude=x -cf /dev/null /dev/null 2>/dev/null; then
  set --
  echo 'tar has no --exclude here: the archive contains all files' >&2
fi
set -- "$@" .
for link in @links@; do [ -L "$link" ] && set -- "$@" "$link/."; done
above=
case $(tar --version 2>/dev/null) in
*GNU* | *bsdtar*)
  # other tars apply -C to all names: there wp-config.php is archived by its absolute path
  if [ -e wp-load.php ] && [ ! -e wp-config.php ] && [ -r ../wp-config.php ]; then
    above=$(cd .. && pwd -P)/wp-config.php
  fi ;;
esac
while read -r _ at what place; do
  if [ "$at" = at ] && [ -e "$place" ] && [ "$place" != "$above" ]; then set -- "$@" "$place"; fi
done <<SITECREW_PLACES
$places
SITECREW_PLACES
if [ -n "$above" ]; then set -- "$@" -C .. ./wp-config.php; fi
tolerated=0
case $(tar --version 2>/dev/null) in *GNU*) tolerated=1 ;; esac
@zipped@
