umask 022
export LC_ALL=C
say() { printf '\n%s %s\n' "$mark" "$*"; }
stop() { say "problem $*"; exit 3; }
if command -v sha256sum >/dev/null 2>&1; then sums() { sha256sum "$@"; }
elif command -v shasum >/dev/null 2>&1; then sums() { shasum -a 256 "$@"; }
else sums() { return 127; }
fi
# about: print SHA-256, mode and size of the files named on stdin, each name followed by NUL
about() {
  xargs -0 sh -c '[ $# -gt 0 ] || exit 0
if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
echo =; stat -c "%a %s %n" "$@" 2>/dev/null || stat -f "%Lp %z %N" "$@" 2>/dev/null; echo =' about
}
# present NAME...: print the names that are regular files, each followed by NUL
present() { for f; do if [ -f "$f" ] && [ ! -L "$f" ]; then printf '%s\0' "$f"; fi; done; }
