if [ -n "$built" ]; then origin=$(cd && cd -P "$built" && pwd -P) || exit 1; fi
mkdir -p "$parent" || exit 1
online=$(cd -P "$path" 2>/dev/null && pwd -P)
@enter_releases@ || exit 1
room_at=$at
# seeded: create the folder inside the release online and move it out, so that it inherits group and ACL
seeded() (
  [ -n "$online" ] && cd -P "$online" && narrow . || exit 1
  mkdir "./.sitecrew-$$" 2>/dev/null || exit 1
  case ${online%/*} in "$room_at") to=.. ;; *) to=$room_at ;; esac
  mv "./.sitecrew-$$" "$to/$part" || { rmdir "./.sitecrew-$$"; exit 1; }
)
# a complete release that is not online: its switch was interrupted
if [ -d "$name" ] && [ ! -e "$part" ] && [ "${online##*/}" != "$name" ]; then
  mv "$name" "$part" || exit 1; fi
[ -d "$part" ] || seeded || sister "$part" "${online:-.}" || exit 1
own "$part" || { echo "$part does not belong to this account or is a link"; exit 1; }
here=$at; narrow .
