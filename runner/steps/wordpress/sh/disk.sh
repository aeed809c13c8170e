lf='*
*' bs='*\\*'
headers='^([[:space:]]*<\?php)?[[:space:]/*#@]*((Plugin|Theme) Name|Version|Update URI):'
# roots DO and contents DO: run DO for each WordPress ($root) and each content folder ($content) below the site's
# folder; folders with odd names are skipped, because a line feed in a name would forge lines
plain() { case $1 in *[!A-Za-z0-9._/-]*) return 1 ;; esac; }
roots() {
  for root in . ./*; do
    if [ -f "$root/wp-includes/version.php" ] && plain "$root"; then "$1"; fi
  done
}
contents() {
  seen=
  for content in ./wp-content ./*/wp-content ./*; do
    if [ ! -d "$content/plugins" ] || [ "$content" = "$seen" ] || ! plain "$content"; then continue; fi
    seen=${seen:-$content}
    "$1"
  done
}
read_root() {
  echo "= root $root"
  grep -o -E "wp_(version|local_package) *= *'[^']{1,40}'" "$root/wp-includes/version.php" | head -n 4
}
read_headers() {
  find "$@" ! -path "$lf" ! -path "$bs" -exec grep -H -i -E -m 12 "$headers" {} + | cut -c 1-400
}
read_content() {
  echo "= content $content"
  read_headers "$content/plugins/" -maxdepth 2 -type f -name '*.php'
  read_headers "$content/themes/" -maxdepth 2 -type f -name style.css
}
