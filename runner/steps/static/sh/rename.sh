# rename OLD NEW: rename in one step; a link at NEW is replaced, not followed
rename() {
  mv -fT "$1" "$2" 2>/dev/null && return
  perl -e 'exit(rename($ARGV[0], $ARGV[1]) ? 0 : 1)' "$1" "$2" 2>/dev/null && return
  python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$1" "$2" 2>/dev/null && return
  php -r 'exit(@rename($argv[1], $argv[2]) ? 0 : 1);' -- "$1" "$2" 2>/dev/null
}
# settle OLD NEW: rename a file; some tools refuse if NEW is a link to a folder, so remove such a link first
settle() {
  rename "$1" "$2" && return
  if [ -L "$2" ]; then rm -f "$2" && rename "$1" "$2" && return; fi
  case $(mv --help 2>&1) in *-T*) return 1 ;; esac
  [ ! -d "$2" ] && mv -f "$1" "$2"
}
