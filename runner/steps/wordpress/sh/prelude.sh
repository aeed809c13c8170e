umask 022
export LC_ALL=C.UTF-8 NO_COLOR=1 TERM=dumb WP_CLI_DISABLE_AUTO_CHECK_UPDATE=1
say() { printf '\n%s %s\n' "$mark" "$1"; }
stop() { say "problem $1"; echo "problem $1" >&2; exit 3; }
if [ ! -d "$site" ]; then stop no-folder; fi
cd "$site" 2>/dev/null || stop no-access
if [ -e wp-config.php ] && [ ! -r wp-config.php ]; then stop no-config; fi
php=${php:-$(find_php)} || stop no-php
if ! command -v "$php" >/dev/null; then stop no-php; fi
wp=${wp:-$(find_wp || brought)} || stop no-wp
if [ ! -r "$wp" ]; then stop no-wp; fi
l=; IFS= read -r l <"$wp" || :
case $l in
'#!'*php*|'<?php'*)
   wp() { "$php" -d memory_limit=512M -d log_errors=0 ${more:+"$more"} "$wp" --no-color "$self" "$@"; } ;;
*) export WP_CLI_PHP="$php" WP_CLI_PHP_ARGS="-d memory_limit=512M -d log_errors=0 $more"
   wp() { "$wp" --no-color "$self" "$@"; } ;;
esac
