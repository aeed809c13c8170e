cd "$site" 2>/dev/null || exit 3
for old in ./sitecrew-*.txt; do
  case $old in ./sitecrew-????????????????????????????????.txt) [ -L "$old" ] || rm -f "$old" ;; esac
done
umask 022
# noclobber: neither another file nor what a link leads to is ever written
( set -C; printf '%s\n' "$said" >"$name" ) 2>/dev/null || exit 4
chmod 644 "$name"
