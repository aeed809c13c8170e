# Prints what the folder of a WordPress is like, then runs a program that prints its addresses.
say() { printf '\n%s %s\n' "$mark" "$1"; }
cd "$site" 2>/dev/null || exit 0
say "{\"real\":true}"
if [ -w . ]; then say '{"writable":true}'; fi
if [ -e wp-config.php ]; then
  if [ -r wp-config.php ]; then say '{"config":true}'; fi
elif [ -r ../wp-config.php ] && [ ! -e ../wp-settings.php ]; then say '{"config":true}'; fi
php=${php:-$(find_php)} || exit 0
command -v "$php" >/dev/null || exit 0
asked() {
@program@
}
asked 2>/dev/null
