cd "$site" 2>/dev/null || exit 3
for old in ./sitecrew-*.txt; do
  case $old in ./sitecrew-????????????????????????????????.txt) [ -L "$old" ] || rm -f "$old" ;; esac
done
umask 022
# noclobber: never writes to an existing file or to the target of a link
( set -C; printf '%s\n' "$said" >"$name" ) 2>/dev/null || exit 4
chmod 644 "$name"
