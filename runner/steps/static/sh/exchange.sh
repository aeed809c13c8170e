# exchange ONE OTHER: swap both in one step; fails if the host has no tool for it
exchange() {
  mv --exchange -T "$1" "$2" 2>/dev/null && return
  python3 -c 'import ctypes, os, sys
a, b = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2))' "$1" "$2" 2>/dev/null && return
  case $(uname -sm) in 'Linux x86_64') n=316 ;; 'Linux aarch64') n=276 ;; *) return 1 ;; esac
  perl -e 'exit(syscall($ARGV[0] + 0, -100, $ARGV[1], -100, $ARGV[2], 2) == 0 ? 0 : 1)' \
    "$n" "$1" "$2" 2>/dev/null
}
