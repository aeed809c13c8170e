# ground INSIDE TARGET: enter TARGET; set $site and $root to the physical paths of both. INSIDE may be empty
ground() {
  site=
  if [ -n "$1" ]; then cd -P "$1" 2>/dev/null || return 1; place; site=$at; fi
  cd -P "$2" 2>/dev/null || return 1
  place; root=$at
  [ -n "$site" ] || site=$root
}
# ours: true if the working folder is really below $site
ours() { place; case $at/ in "$site"/*) ;; *) return 1 ;; esac; }
# enter FOLDER: change into FOLDER below $root; status 2 if it leads out of the site
enter() {
  cd -P "$root/$1" 2>/dev/null || return 1
  ours || return 2
}
# make FOLDER: like enter, but create missing folders one by one, each inside a folder checked by ours
make() {
  rest=$1/
  cd -P "$root" 2>/dev/null || return 1
  while ours || return 2; [ -n "$rest" ]; do
    step=${rest%%/*} rest=${rest#*/}
    [ -d "./$step" ] || sister "./$step" || return 1
    cd -P "./$step" 2>/dev/null || return 1
  done
}
# own NAME: enter the folder NAME in the working folder; fails if it is a link or not owned by this account
own() {
  place; above=$at
  cd -P "./$1" 2>/dev/null || return 1
  place
  [ "$at" = "${above%/}/$1" ] && [ -O . ]
}
# private NAME: like own, and deny access to all other accounts
private() {
  # only if needed: chmod clears setgid if this login is not in the group
  own "$1" && case $(ls -ld .) in drwx--[-S]---[!+]*) ;; *) chmod 700 . ;; esac
}
