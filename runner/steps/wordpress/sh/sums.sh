export LC_ALL=C
PATH=/usr/local/bin:/usr/bin:/bin:$PATH
say() { printf '\n%s %s\n' "$mark" "$1"; }
cd "$site" 2>/dev/null || { say 'problem no-folder'; exit 3; }
if ! command -v md5sum >/dev/null; then php=${php:-$(find_php)} || { say 'problem no-md5sum'; exit 3; }; fi
# sums FIND-ARGUMENTS: prints a line for each file; files larger than 20 MB are listed without a checksum
sums() {
  echo '= sums'
  if command -v md5sum >/dev/null; then
    find "$@" -type f ! -size +40960 ! -path "$lf" ! -path "$bs" -exec md5sum {} +
  else
    find "$@" -type f ! -size +40960 ! -path "$lf" ! -path "$bs" -print0 | "$php" -n -r \
      'foreach (explode("\0", stream_get_contents(STDIN)) as $f) if ($f !== "") echo md5_file($f), "  $f\n";'
  fi
  echo '= large'
  find "$@" -type f -size +40960 ! -path "$lf" ! -path "$bs" -print
  echo '= other'
  find "$@" ! -type f ! -type d ! -path "$lf" ! -path "$bs" -print
  echo '= odd'
  find "$@" \( -path "$lf" -o -path "$bs" \) -print0 | head -c 100000 | tr '\n\\\000' '??\n'
}
sum_root() {
  read_root
  sums "$root/wp-admin" "$root/wp-includes"
  sums "$root" -maxdepth 1 -size -2049
}
sum_some() {
  set --
  for name in $only; do set -- "$@" "$content/plugins/$name"; done
  sums "$@"
}
sum_content() {
  read_content
  if [ -n "$only" ]; then sum_some; return; fi
  sums "$content/plugins/"
  echo '= unlisted'
  find "$content" -maxdepth 1 -type f -name '*.php' ! -name index.php ! -path "$lf" ! -path "$bs" -print
  find "$content/mu-plugins/" -maxdepth 2 -type f -name '*.php' ! -path "$lf" ! -path "$bs" -print
}
all() {
  [ -n "$only" ] || roots sum_root
  contents sum_content
  echo '= end'
} 2>/dev/null
if command -v gzip >/dev/null && command -v base64 >/dev/null; then
  say packed
  all | head -c "$most" | gzip -c | base64
else
  say plain
  all | head -c "$most"
fi
say end
