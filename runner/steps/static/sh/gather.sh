if [ -n "$built" ]; then origin=$(cd && cd -P "$built" && pwd -P) || exit 1; fi
mkdir -p "$parent" || exit 1
online=$(cd -P "$path" 2>/dev/null && pwd -P)
@enter_releases@ || exit 1
# seeded: create the folder inside the release online and move it here, so that it inherits group and ACL
seeded() {
  seed=.sitecrew-$$
  [ -n "$online" ] && ( cd -P "$online" && narrow . && mkdir "./$seed" ) 2>/dev/null || return 1
  # into the working folder, not into its path, which may lead elsewhere by now
  mv "$online/$seed" "./$part" || { rmdir "$online/$seed"; return 1; }
}
# a complete release that is not online: its switch was interrupted
if [ -d "$name" ] && [ ! -e "$part" ] && [ "${online##*/}" != "$name" ]; then
  mv "$name" "$part" || exit 1; fi
[ -d "$part" ] || seeded || sister "$part" "${online:-.}" || exit 1
own "$part" || { echo "$part does not belong to this account or is a link"; exit 1; }
here=$at; narrow .
