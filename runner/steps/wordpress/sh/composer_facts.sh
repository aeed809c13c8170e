say() { printf '\n%s %s\n' "$mark" "$1"; }
cd -P "$project" 2>/dev/null || { say no-access; exit 0; }
php=${php:-$(find_php)} || { say no-php; exit 0; }
composer=$(find_composer) || { say no-composer; exit 0; }
# ask NAME WORD...: prints Composer's output, then its exit status
ask() { name=$1; shift; say "$name"; { compose "$@" 2>&1; say "ended $?"; } | head -c 2000000; }
ask version --version
ask validate validate --no-check-all --no-check-publish --no-plugins
ask allowed update --dry-run --no-install --no-plugins --no-scripts
say latest
{ compose outdated --locked --format=json --no-plugins 2>/dev/null; say "ended $?"; } | head -c 8000000
