file=@file@
sign=@sign@
state() {
  if [ -L "$file" ] || { [ -e "$file" ] && [ ! -f "$file" ]; }; then echo theirs
  elif [ ! -e "$file" ]; then echo none
  elif grep -q '// @word@ ' "$file" 2>/dev/null; then echo ours
  else echo theirs
  fi
}
agree() { # asks WordPress, which may not start
  wp --skip-plugins --skip-themes maintenance-mode is-active >/dev/null 2>&1
}
