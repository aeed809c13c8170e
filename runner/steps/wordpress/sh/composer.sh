export COMPOSER_NO_AUDIT=1 COMPOSER_DISABLE_XDEBUG_WARN=1 GIT_TERMINAL_PROMPT=0 COLUMNS=1000 LC_ALL=C.UTF-8
find_composer() {
  command -v composer && return
  for c in /usr/local/bin/composer /usr/bin/composer /opt/cpanel/composer/bin/composer \
    "$HOME/bin/composer" "$HOME/.local/bin/composer" "$HOME/composer.phar" "$project/composer.phar"; do
    if [ -f "$c" ] && [ -r "$c" ]; then printf '%s' "$c"; return; fi
  done
  return 1
}
# compose WORD...: runs Composer, with the PHP that was found if it is a PHP program
compose() {
  l=; IFS= read -r l <"$composer" || :
  case $l in
  '#!'*php*|'<?php'*) "$php" "$composer" --no-interaction --no-ansi "$@" ;;
  *) "$composer" --no-interaction --no-ansi "$@" ;;
  esac
}
